//! Reads many files of a repository in one git call.
//!
//! Passes the bytes of each object in turn, never all at once. Objects over the size limit are skipped. A truncated
//! answer is an error, never a shorter list.

use std::io::{BufRead, BufReader, Read as _, Write as _, copy, sink};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, anyhow, bail, ensure};

use crate::app::io::command_error::hinted;
use crate::app::io::git::{REFETCH, command};

/// The longest line that git writes before an object.
const LONGEST_HEAD: u64 = 256;

/// Passes the bytes of each object within the size limit, with its index in the list.
///
/// # Errors
/// If git cannot be run, or does not answer for every object.
pub fn each(folder: &Path, objects: &[&str], most: u64, see: &mut dyn FnMut(usize, &[u8])) -> anyhow::Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let mut git = command(folder, &["cat-file", "--batch"]);
    let mut child = git
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| anyhow!("git cannot be run: {e}"))?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        bail!("the connection to git failed");
    };
    let asked: String = objects.iter().flat_map(|object| [*object, "\n"]).collect();
    // WHY: git answers while it still reads requests, so writing all requests first could block forever.
    let asking = std::thread::Builder::new().spawn(move || input.write_all(asked.as_bytes()));
    let answered = match &asking {
        Ok(_) => answers(&mut BufReader::new(output), objects.len(), most, see),
        Err(none) => Err(anyhow!("no thread can be started: {none}")),
    };
    if answered.is_err() {
        let _ = child.kill();
    }
    let asked = asking.map(std::thread::JoinHandle::join);
    let ended = child.wait();
    answered.map_err(|why| anyhow!("git cannot list the contents of the branch: {why}"))?;
    ensure!(
        matches!(asked, Ok(Ok(Ok(())))) && ended.is_ok_and(|status| status.success()),
        "git cannot list the contents of the branch"
    );
    Ok(())
}

/// Reads this many answers of `git cat-file --batch`.
fn answers(from: &mut impl BufRead, count: usize, most: u64, see: &mut dyn FnMut(usize, &[u8])) -> anyhow::Result<()> {
    for at in 0..count {
        let mut head = String::new();
        from.by_ref().take(LONGEST_HEAD).read_line(&mut head)?;
        let size: Option<u64> = match head.trim_end().split(' ').collect::<Vec<_>>().as_slice() {
            [_, "blob", size] => size.parse().ok(),
            [_, "missing"] => bail!(hinted("this clone lacks a file of it", REFETCH)),
            _ => None,
        };
        let size = size.context("its answer has an unknown form")?;
        let mut bytes = Vec::new();
        let read = if size <= most {
            from.by_ref().take(size).read_to_end(&mut bytes)? as u64
        } else {
            copy(&mut from.by_ref().take(size), &mut sink())?
        };
        let mut end = [0];
        from.read_exact(&mut end)?;
        ensure!(read == size && end == *b"\n", "its answer is incomplete");
        if size <= most {
            see(at, &bytes);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(answer: &[u8], count: usize) -> Option<Vec<(usize, Vec<u8>)>> {
        let mut seen = Vec::new();
        answers(&mut &*answer, count, 4, &mut |at, bytes| seen.push((at, bytes.to_vec()))).ok()?;
        Some(seen)
    }

    #[test]
    fn each_object_is_seen_once_and_what_is_too_large_is_passed_over() {
        let answer = b"a blob 2\nx\n\nb blob 5\n12345\nc blob 0\n\n";
        assert_eq!(seen(answer, 3).unwrap(), [(0, b"x\n".to_vec()), (2, Vec::new())]);
    }

    #[test]
    fn an_answer_that_is_cut_short_or_none_is_a_failure() {
        for bad in ["", "a blob 2\nx", "a missing\n", "a tree 1\nx\n", "a blob 1\nxy", "a blob 9\n1234"] {
            assert!(seen(bad.as_bytes(), 1).is_none(), "{bad:?}");
        }
    }
}
