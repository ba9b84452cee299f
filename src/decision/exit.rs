//! The exit code of the process.
//!
//! If several codes apply, a fixed order decides which is reported. No output format and no option changes it.

/// The outcome reported to the calling process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExitCode {
    /// 0: passes. `check`: nothing denied. `verify`: intact and authentic. `confirm`: applied.
    Passes,
    /// 1: the tool could not do its work: unreadable file, broken policy or configuration, broken pipe.
    Failure,
    /// 2: usage error; detected before any work.
    Usage,
    /// 3: policy denies; the plan is invalid; `confirm`: something beyond the approved changes.
    Denied,
    /// 4: a person rejected.
    Rejected,
    /// 5: undecided: steps are missing, or there is no terminal; `confirm`: something is missing.
    Undecided,
    /// 6: the digest of a decided change has changed, an approval or the plan has expired, or the snapshot is too old.
    Stale,
    /// 7: the log does not verify, a known head is missing, or a replayed evaluation comes out differently.
    BadLog,
    /// 130: interrupted; the decisions so far are in the journal.
    Interrupted,
}

impl ExitCode {
    /// The order of precedence. Codes that are detected before any work, or that end all of it, come first and never
    /// occur together with the others.
    const PRECEDENCE: [Self; 8] = [
        Self::Usage,
        Self::Interrupted,
        Self::BadLog,
        Self::Failure,
        Self::Denied,
        Self::Rejected,
        Self::Stale,
        Self::Undecided,
    ];

    /// The numeric code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Passes => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Denied => 3,
            Self::Rejected => 4,
            Self::Undecided => 5,
            Self::Stale => 6,
            Self::BadLog => 7,
            Self::Interrupted => 130,
        }
    }

    /// The code to report if several apply: the first of 7, 1, 3, 4, 6, 5; `Passes` if none does.
    #[must_use]
    pub fn first(holding: impl IntoIterator<Item = Self>) -> Self {
        let holding: Vec<Self> = holding.into_iter().collect();
        Self::PRECEDENCE.into_iter().find(|code| holding.contains(code)).unwrap_or(Self::Passes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_several_hold_the_first_of_7_1_3_4_6_5_is_reported() {
        let order = [7, 1, 3, 4, 6, 5];
        let mut codes = vec![
            ExitCode::Undecided,
            ExitCode::Passes,
            ExitCode::Stale,
            ExitCode::Rejected,
            ExitCode::Denied,
            ExitCode::Failure,
            ExitCode::BadLog,
        ];
        for expected in order {
            assert_eq!(ExitCode::first(codes.clone()).code(), expected);
            codes.retain(|c| c.code() != expected);
        }
        assert_eq!(ExitCode::first(codes), ExitCode::Passes);
        assert_eq!(ExitCode::first([]), ExitCode::Passes);
    }
}
