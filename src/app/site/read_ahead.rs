//! Reads a large file ahead of its parser.
//!
//! Returns the parsed value with the length and the digest of the whole file. Keeps at most a few pieces in memory, and
//! works without a thread if none can be started.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use crate::input::digest::{Digest, Hashing, of};

/// The size of a piece, in bytes.
const PIECE: usize = 1 << 18;
/// How many pieces are read ahead.
const AHEAD: usize = 4;

/// A reader that hashes the bytes read.
struct Passing<R> {
    file: R,
    hashing: Hashing,
    length: u64,
}

impl<R: Read> Passing<R> {
    fn new(file: R) -> Self {
        Self { file, hashing: Hashing::default(), length: 0 }
    }
}

impl<R: Read> Read for Passing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.hashing.take(into.get(..read).unwrap_or_default());
        self.length = self.length.saturating_add(read as u64);
        Ok(read)
    }
}

/// The pieces read by a thread.
struct Pieces {
    coming: Receiver<io::Result<Vec<u8>>>,
    piece: io::Cursor<Vec<u8>>,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.piece.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            match self.coming.recv() {
                Ok(piece) => self.piece = io::Cursor::new(piece?),
                // The thread has finished.
                Err(_) => return Ok(0),
            }
        }
    }
}

/// Sends a file piece by piece, until it ends, fails, or the receiver is gone.
fn send(file: &mut impl Read, to: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = file.take(PIECE as u64).read_to_end(&mut piece).map(|_| piece);
        let is_last = read.as_ref().map_or(true, Vec::is_empty);
        if to.send(read).is_err() || is_last {
            return;
        }
    }
}

/// Reads and hashes a file in a separate thread, a few pieces ahead of `read`. Returns the value, and the length and
/// digest of the whole file, even if `read` did not consume all of it. Without a thread, the file is read here.
///
/// # Errors
/// If the file cannot be read, or `read` fails.
pub fn read_ahead<T>(
    file: impl Read + Send,
    read: impl FnOnce(&mut dyn Read) -> io::Result<T>,
) -> io::Result<(T, u64, Digest<of::File>)> {
    let passing = Mutex::new(Passing::new(file));
    let value = std::thread::scope(|scope| {
        let (sender, coming) = sync_channel(AHEAD);
        let file = &passing;
        // INVARIANT: the sender moves into the thread, so that the end of the thread is detected.
        let send = move || send(&mut *file.lock().unwrap_or_else(PoisonError::into_inner), &sender);
        let reader = std::thread::Builder::new().spawn_scoped(scope, send);
        if reader.is_ok() {
            whole(&mut Pieces { coming, piece: io::Cursor::default() }, read)
        } else {
            whole(&mut *passing.lock().unwrap_or_else(PoisonError::into_inner), read)
        }
    })?;
    let passing = passing.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((value, passing.length, passing.hashing.done()))
}

/// The result of `read`, after which the rest of the reader is consumed too.
fn whole<T>(mut reader: &mut dyn Read, read: impl FnOnce(&mut dyn Read) -> io::Result<T>) -> io::Result<T> {
    let value = read(reader)?;
    io::copy(&mut reader, &mut io::sink())?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns some bytes and then fails.
    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::Error::other("the disk is gone"));
            }
            let read = self.0.min(into.len());
            self.0 -= read;
            into[..read].fill(7);
            Ok(read)
        }
    }

    #[test]
    fn whoever_reads_ahead_gets_the_bytes_their_length_and_their_digest() {
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 9 * PIECE + 5] {
            let bytes: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let all = |reader: &mut dyn Read| {
                let mut read = Vec::new();
                reader.read_to_end(&mut read).map(|_| read)
            };
            let (read, length, digest) = read_ahead(bytes.as_slice(), all).unwrap();
            assert!(read == bytes, "{size}");
            assert_eq!((length, digest), (size as u64, Digest::of(&bytes)));
            let some = |reader: &mut dyn Read| reader.take(3).read_to_end(&mut Vec::new());
            let (_, length, digest) = read_ahead(bytes.as_slice(), some).unwrap();
            assert_eq!((length, digest), (size as u64, Digest::of(&bytes)), "the rest is hashed too");
        }
    }

    #[test]
    fn a_file_that_fails_or_is_given_up_ends_the_reading() {
        for size in [0, 5, 9 * PIECE] {
            let all = |reader: &mut dyn Read| io::copy(reader, &mut io::sink());
            let error = read_ahead(Failing(size), all).unwrap_err();
            assert_eq!(error.to_string(), "the disk is gone", "{size}");
        }
        let gives_up = |_: &mut dyn Read| Err::<(), _>(io::Error::other("enough"));
        assert_eq!(read_ahead(io::repeat(7), gives_up).unwrap_err().to_string(), "enough");
    }
}
