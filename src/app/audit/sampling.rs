//! A reproducible sample: the rows with the lowest SHA-256 of the seed, LF and the row's id. It depends on neither the order
//! of the rows nor the machine, so an auditor can draw it again from a copy.

use crate::input::digest::{Digest, of};
use crate::input::text::Text;

/// Draws `size` rows, and keeps their order.
pub(crate) fn draw<T>(rows: Vec<T>, size: u64, seed: &Text, id: impl Fn(&T) -> String) -> Vec<T> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let rank = |row: &T| Digest::<of::File>::of(format!("{}\n{}", seed.raw(), id(row)).as_bytes());
    let mut ranked: Vec<(Digest<of::File>, usize)> = rows.iter().map(rank).zip(0_usize..).collect();
    ranked.sort();
    let mut kept: Vec<usize> = ranked.into_iter().take(size).map(|(_, at)| at).collect();
    kept.sort_unstable();
    rows.into_iter().enumerate().filter(|(at, _)| kept.binary_search(at).is_ok()).map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_rows_in_any_order() {
        let rows: Vec<u32> = (0..1_000).collect();
        let mut turned = rows.clone();
        turned.reverse();
        let seed = Text::from("7");
        let one = draw(rows.clone(), 25, &seed, u32::to_string);
        let mut two = draw(turned, 25, &seed, u32::to_string);
        two.reverse();
        assert_eq!((one.len(), &one), (25, &two));
        assert_ne!(one, draw(rows.clone(), 25, &Text::from("8"), u32::to_string));
        assert_eq!(draw(rows.clone(), 5_000, &seed, u32::to_string), rows);
    }
}
