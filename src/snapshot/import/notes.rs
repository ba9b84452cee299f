//! Findings about exports, and where they stand.
//!
//! In: findings with the way to what they are about. Out: placed findings. Places in JSON are looked for only once an
//! import has something to say.

use std::collections::BTreeMap;

use crate::input::finding::Finding;
use crate::input::place::Place;
use crate::snapshot::place::{self, Path};

/// Where an object stands: a place, or the way to it.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub file: usize,
    pub line: u32,
    pub column: u32,
    pub start: usize,
    pub path: Path,
}

/// Findings that still wait for their places.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<(Finding, Option<Spot>)>);

impl Notes {
    pub fn at(&mut self, finding: Finding, spot: &Spot) {
        self.0.push((finding, Some(spot.clone())));
    }
    pub fn everywhere(&mut self, finding: Finding) {
        self.0.push((finding, None));
    }
    /// Finds the places: YAML told them, JSON is scanned once a document that has findings.
    pub fn placed(self, files: &[(&str, &str)]) -> Vec<Finding> {
        let mut wanted: BTreeMap<(usize, usize), Vec<(usize, Path)>> = BTreeMap::new();
        let mut out: Vec<Finding> = Vec::with_capacity(self.0.len());
        for (n, (finding, spot)) in self.0.into_iter().enumerate() {
            out.push(match spot {
                Some(spot) if spot.line == 0 => {
                    wanted.entry((spot.file, spot.start)).or_default().push((n, spot.path));
                    finding
                }
                Some(spot) => {
                    let name = files.get(spot.file).map_or("", |f| f.0);
                    finding.at(&Place { file: name.into(), line: spot.line, column: spot.column, bytes: (0, 0) })
                }
                None => finding,
            });
        }
        for ((file, start), paths) in wanted {
            let Some((name, text)) = files.get(file) else { continue };
            let places = place::in_json(name, text, start, paths.iter().map(|(_, path)| path));
            for ((n, _), place) in paths.iter().zip(places) {
                if let Some(finding) = out.get_mut(*n) {
                    finding.place = Some(place);
                }
            }
        }
        out
    }
}
