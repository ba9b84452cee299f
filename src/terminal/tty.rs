//! The controlling terminal.
//!
//! INVARIANT: `/dev/tty` is in raw mode only while a [`Tty`] exists. Dropping it restores the mode, the screen and the
//! cursor: on return, on an error, on Ctrl-C, in a panic, and on SIGINT, SIGTERM, SIGHUP and SIGQUIT. These signals set
//! flags while a [`Tty`] exists and have their default effect otherwise.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;

use crate::terminal::Failure;
use crate::terminal::console::{Console, Drawing, InputEvent};
use crate::terminal::keys::{Decoder, Key};

/// The interval for checking size and signals while there is no input.
const TICK_NANOSECONDS: i64 = 100_000_000;
/// How long to wait for the rest of an incomplete sequence.
const ESCAPE_NANOSECONDS: i64 = 40_000_000;

/// Switches to the alternate screen and enables bracketed paste.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h";
/// Disables bracketed paste, shows the cursor, resets attributes, and returns to the normal screen.
const LEAVE: &[u8] = b"\x1b[?2004l\x1b[?25h\x1b[0m\x1b[?1049l";

/// Signals as flags, during a prompt.
#[derive(Debug)]
struct Signals {
    idle: Arc<AtomicBool>,
    hang_up: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    ids: Vec<signal_hook::SigId>,
}

impl Signals {
    fn catch() -> std::io::Result<Self> {
        let mut signals = Self {
            idle: Arc::new(AtomicBool::new(false)),
            hang_up: Arc::new(AtomicBool::new(false)),
            stop: Arc::new(AtomicBool::new(false)),
            ids: Vec::new(),
        };
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            let caught = if signal == SIGHUP { &signals.hang_up } else { &signals.stop };
            signals.ids.push(flag::register(signal, Arc::clone(caught))?);
            // A handler cannot be removed, so afterwards it has the default effect.
            flag::register_conditional_default(signal, Arc::clone(&signals.idle))?;
        }
        Ok(signals)
    }

    fn check(&self) -> Result<(), Failure> {
        if self.hang_up.load(Ordering::SeqCst) {
            return Err(Failure::Closed);
        }
        if self.stop.load(Ordering::SeqCst) {
            return Err(Failure::Interrupted);
        }
        Ok(())
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            signal_hook::low_level::unregister(id);
        }
        self.idle.store(true, Ordering::SeqCst);
    }
}

/// The controlling terminal, in raw mode while this value exists.
#[derive(Debug)]
pub struct Tty {
    file: File,
    before: Termios,
    size: (usize, usize),
    decoder: Decoder,
    signals: Signals,
}

impl Tty {
    /// Opens the controlling terminal and switches it to raw mode.
    ///
    /// # Errors
    /// [`Failure::NoTerminal`] if there is none.
    pub fn open() -> Result<Self, Failure> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(Failure::NoTerminal)?;
        let before = tcgetattr(&file).map_err(|e| Failure::NoTerminal(e.into()))?;
        let signals = Signals::catch().map_err(Failure::Broken)?;
        let mut raw = before.clone();
        raw.make_raw();
        let size = size_of(&file);
        let mut tty = Self { file, before, size, decoder: Decoder::default(), signals };
        // INVARIANT: from here on, dropping `tty` undoes the following changes.
        tcsetattr(&tty.file, OptionalActions::Flush, &raw)?;
        tty.write(ENTER)?;
        Ok(tty)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let result = self.file.write_all(bytes).and_then(|()| self.file.flush());
        result.map_err(|e| match e.raw_os_error() {
            Some(code) => Failure::from(rustix::io::Errno::from_raw_os_error(code)),
            None => Failure::Broken(e),
        })
    }

    /// Waits for input. Returns false on timeout.
    fn readable(&self, nanoseconds: i64) -> Result<bool, Failure> {
        let wait = Timespec { tv_sec: 0, tv_nsec: nanoseconds };
        let mut fds = [PollFd::from_borrowed_fd(self.file.as_fd(), PollFlags::IN)];
        match poll(&mut fds, Some(&wait)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => Ok(false),
            Ok(_) => Ok(true),
            Err(errno) => Err(errno.into()),
        }
    }

    fn read(&mut self) -> Result<(), Failure> {
        let mut bytes = [0; 1_024];
        match self.file.read(&mut bytes) {
            // INVARIANT: end of file means a closed terminal, never an answer.
            Ok(0) => Err(Failure::Closed),
            Ok(n) => {
                self.decoder.feed(bytes.get(..n).unwrap_or_default());
                Ok(())
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => Ok(()),
            Err(e) => Err(e
                .raw_os_error()
                .map_or(Failure::Broken(e), |code| Failure::from(rustix::io::Errno::from_raw_os_error(code)))),
        }
    }
}

fn size_of(file: &File) -> (usize, usize) {
    match tcgetwinsize(file) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (usize::from(size.ws_col), usize::from(size.ws_row)),
        Ok(_) | Err(_) => (80, 24),
    }
}

impl Console for Tty {
    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn draw(&mut self, screen: &Drawing) -> Result<(), Failure> {
        let mut out = String::from("\x1b[?25l\x1b[H\x1b[2J");
        out.push_str(&screen.lines.join("\r\n"));
        if let Some((row, column)) = screen.cursor {
            let _ = write!(out, "\x1b[{};{}H\x1b[?25h", row + 1, column + 1);
        }
        self.write(out.as_bytes())
    }

    fn forget(&mut self) -> Result<(), Failure> {
        self.decoder.clear();
        tcflush(&self.file, QueueSelector::IFlush)?;
        Ok(())
    }

    fn wait(&mut self) -> Result<InputEvent, Failure> {
        loop {
            self.signals.check()?;
            if let Some(key) = self.decoder.key(false) {
                if key == Key::Interrupt {
                    return Err(Failure::Interrupted);
                }
                return Ok(InputEvent::Key(key));
            }
            let torn = self.decoder.waits();
            if self.readable(if torn { ESCAPE_NANOSECONDS } else { TICK_NANOSECONDS })? {
                self.read()?;
            } else if torn && let Some(key) = self.decoder.key(true) {
                return Ok(InputEvent::Key(key));
            }
            let size = size_of(&self.file);
            if size != self.size {
                self.size = size;
                return Ok(InputEvent::Resized);
            }
        }
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        // A terminal that is gone cannot be restored, and there is no place to report it.
        let _ = self.write(LEAVE);
        let _ = tcsetattr(&self.file, OptionalActions::Flush, &self.before);
    }
}
