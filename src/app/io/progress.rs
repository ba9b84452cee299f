//! A progress bar on stderr for work that takes longer than a second.
//!
//! Shows what is done and, if known, how much of the total. The line is removed when the work ends. Only if stderr is a
//! terminal; never writes to stdout, and has no effect on results or timing.

use std::io::{self, IsTerminal as _, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The label while several plans are evaluated.
pub const PLANS: &str = "analysing the plans";
/// Work that takes no longer than this shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

/// Whether a bar is active; nested work shows no second one.
static WATCHED: AtomicBool = AtomicBool::new(false);

/// A shared counter of the work done.
#[derive(Clone, Debug, Default)]
pub struct Count(Arc<AtomicU64>);

impl Count {
    /// Adds to the counter.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn done(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A piece of work with a progress bar, until this is dropped.
#[derive(Debug)]
pub struct Watch {
    watcher: Option<(Sender<()>, JoinHandle<()>)>,
    count: Count,
}

/// Starts a progress bar; `total` is the amount of work in bytes, if known.
#[must_use = "the bar is gone when this is dropped"]
pub fn watch(what: &'static str, total: Option<u64>) -> Watch {
    if !std::io::stderr().is_terminal() || WATCHED.swap(true, Ordering::Relaxed) {
        return Watch { watcher: None, count: Count::default() };
    }
    let watch = on(ProgressDrawTarget::stderr, PATIENCE, what, total);
    WATCHED.store(watch.watcher.is_some(), Ordering::Relaxed);
    watch
}

fn on(
    target: impl FnOnce() -> ProgressDrawTarget + Send + 'static,
    patience: Duration,
    what: &'static str,
    total: Option<u64>,
) -> Watch {
    let count = Count::default();
    let seen = count.clone();
    let (sender, ended) = channel::<()>();
    let watcher = std::thread::Builder::new().spawn(move || {
        if ended.recv_timeout(patience) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let bar = ProgressBar::with_draw_target(total, target());
        let form = if total.is_some() {
            "{msg} {wide_bar} {bytes} of {total_bytes}"
        } else {
            "{spinner} {msg}, {elapsed} so far"
        };
        bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what);
        loop {
            bar.set_position(seen.done());
            bar.tick();
            if ended.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
                bar.finish_and_clear();
                return;
            }
        }
    });
    // If no thread can be started, nothing is shown.
    Watch { watcher: watcher.ok().map(|watcher| (sender, watcher)), count }
}

impl Watch {
    /// The counter of the work done.
    #[must_use]
    pub fn count(&self) -> Count {
        self.count.clone()
    }
}

/// A reader that counts the bytes read.
#[derive(Debug)]
pub struct Counted<R> {
    inner: R,
    count: Count,
}

impl<R> Counted<R> {
    /// Counts what is read from `inner` as work done.
    pub fn new(inner: R, watch: &Watch) -> Self {
        Self { inner, count: watch.count() }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.count.add(read as u64);
        Ok(read)
    }
}

impl Drop for Watch {
    /// Removes the bar before anything else is written.
    fn drop(&mut self) {
        if let Some((sender, watcher)) = self.watcher.take() {
            drop(sender);
            // WHY: a bar that failed has nothing to remove.
            let _ = watcher.join();
            WATCHED.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::num::NonZero;
    use std::sync::{Mutex, PoisonError};

    use indicatif::TermLike;

    use super::*;

    const TEN: NonZero<u16> = NonZero::new(10).unwrap();
    const EIGHTY: NonZero<u16> = NonZero::new(80).unwrap();

    /// A terminal of 10 lines and 80 columns for tests.
    #[derive(Clone)]
    struct Screen(Arc<Mutex<vt100::Parser>>);

    impl Screen {
        fn new() -> Self {
            Self(Arc::new(Mutex::new(vt100::Parser::new(TEN, EIGHTY, 0))))
        }

        fn text(&self) -> String {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).screen().contents().trim().to_owned()
        }

        fn send(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes())
        }

        /// Waits until a text is shown. Returns the screen then, or after ten seconds.
        fn wait_for(&self, wanted: &str) -> String {
            let late = std::time::Instant::now() + Duration::from_secs(10);
            while !self.text().contains(wanted) && std::time::Instant::now() < late {
                std::thread::yield_now();
            }
            self.text()
        }
    }

    impl std::fmt::Debug for Screen {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Screen")
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, n: usize) -> io::Result<()> {
            if n == 0 { Ok(()) } else { self.send(&format!("\x1b[{n}A")) }
        }
        fn move_cursor_down(&self, n: usize) -> io::Result<()> {
            if n == 0 { Ok(()) } else { self.send(&format!("\x1b[{n}B")) }
        }
        fn move_cursor_right(&self, n: usize) -> io::Result<()> {
            if n == 0 { Ok(()) } else { self.send(&format!("\x1b[{n}C")) }
        }
        fn move_cursor_left(&self, n: usize) -> io::Result<()> {
            if n == 0 { Ok(()) } else { self.send(&format!("\x1b[{n}D")) }
        }
        fn write_line(&self, line: &str) -> io::Result<()> {
            self.send(&format!("{line}\r\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.send(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.send("\r\x1b[2K")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown_on(screen: &Screen, patience: Duration, total: Option<u64>) -> Watch {
        let drawn = screen.clone();
        on(|| ProgressDrawTarget::term_like(Box::new(drawn)), patience, "reading the snapshot", total)
    }

    #[test]
    fn long_work_shows_how_much_of_it_was_read_and_the_bar_is_gone_when_it_ends() {
        let screen = Screen::new();
        let watch = shown_on(&screen, Duration::ZERO, Some(4 << 20));
        let mut reader = Counted::new(io::repeat(7).take(1 << 20), &watch);
        io::copy(&mut reader, &mut io::sink()).unwrap();
        let text = screen.wait_for("1.00 MiB of 4.00 MiB");
        assert!(text.contains("reading the snapshot") && text.contains("1.00 MiB of 4.00 MiB"), "{text}");
        drop(watch);
        assert_eq!(screen.text(), "");
    }

    #[test]
    fn work_of_unknown_length_says_how_long_it_takes() {
        let screen = Screen::new();
        let watch = shown_on(&screen, Duration::ZERO, None);
        assert!(screen.wait_for("so far").contains("reading the snapshot, 0s so far"), "{}", screen.text());
        drop(watch);
        assert_eq!(screen.text(), "");
    }

    #[test]
    fn short_work_shows_nothing() {
        let screen = Screen::new();
        drop(shown_on(&screen, Duration::from_secs(60), None));
        assert_eq!(screen.text(), "");
    }
}
