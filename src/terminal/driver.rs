//! Detects from the environment whether an assistant or a build system controls the terminal.
//!
//! It compares the environment with `assistants.txt`, a list of variables with their sources. This is best effort: an
//! assistant can unset a variable. A security key and a separate account are the real protection. Therefore the result is
//! only used to refuse a review, never to allow one.

use std::iter::Peekable;
use std::str::Lines;

/// The variables, one per line.
const LIST: &str = include_str!("assistants.txt");

/// What controls the terminal, as far as the environment shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// No sign of an assistant or a build system.
    Nobody,
    /// An assistant's child process: the variable that shows it.
    Assistant(&'static str),
    /// A job of a build system: the variable that shows it.
    Machine(&'static str),
}

/// A variable and the values that count. `None`: any value except those that mean "no".
#[derive(Clone, Copy, Debug)]
struct Wanted {
    variable: &'static str,
    values: Option<&'static str>,
}

impl Wanted {
    fn new(text: &'static str) -> Self {
        match text.split_once('=') {
            Some((variable, values)) => Self { variable, values: Some(values) },
            None => Self { variable: text, values: None },
        }
    }

    fn is_met(&self, variable: &dyn Fn(&str) -> Option<String>, whole: bool) -> bool {
        let Some(value) = variable(self.variable) else { return false };
        let value = value.trim().to_ascii_lowercase();
        match self.values {
            None => !matches!(value.as_str(), "" | "0" | "false"),
            Some(values) if whole => value == values.to_ascii_lowercase(),
            Some(values) => values.split('|').any(|wanted| is_like(wanted, &value)),
        }
    }
}

/// Whether a value matches a pattern that may start and end with `*`.
fn is_like(pattern: &str, value: &str) -> bool {
    let inner = pattern.trim_matches('*');
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (true, true) => value.contains(inner),
        (true, false) => value.ends_with(inner),
        (false, true) => value.starts_with(inner),
        (false, false) => value == inner,
    }
}

/// One line of the list, with its continuation lines.
struct Sign {
    is_assistant: bool,
    wanted: Wanted,
    more: Vec<Wanted>,
}

fn signs() -> impl Iterator<Item = Sign> {
    let mut lines: Peekable<Lines<'static>> = LIST.lines().peekable();
    std::iter::from_fn(move || {
        loop {
            let mut words = lines.next()?.splitn(3, ' ');
            let is_assistant = match words.next() {
                Some("assistant") => true,
                Some("machine") => false,
                _ => continue,
            };
            let wanted = Wanted::new(words.next().unwrap_or_default());
            let mut more = Vec::new();
            while let Some(next) = lines.next_if(|line| line.starts_with("& ")) {
                more.push(Wanted::new(next.trim_start_matches("& ")));
            }
            return Some(Sign { is_assistant, wanted, more });
        }
    })
}

/// Detects the driver from the environment. An assistant takes precedence over the build job that it runs in.
#[must_use]
pub fn driver(variable: impl Fn(&str) -> Option<String>) -> Driver {
    let mut found = Driver::Nobody;
    for sign in signs() {
        let is_met = sign.wanted.is_met(&variable, false) && sign.more.iter().all(|w| w.is_met(&variable, true));
        if is_met && sign.is_assistant {
            return Driver::Assistant(sign.wanted.variable);
        }
        if is_met && found == Driver::Nobody {
            found = Driver::Machine(sign.wanted.variable);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: &[(&str, &str)]) -> Driver {
        driver(|name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn every_line_of_the_list_names_a_variable_and_its_source_once() {
        let mut seen = std::collections::BTreeSet::new();
        for line in LIST.lines().filter(|line| !line.starts_with('#') && !line.starts_with("& ")) {
            let words: Vec<&str> = line.split(' ').collect();
            let [who, variable, source] = words.as_slice() else { panic!("{line}") };
            assert!(["assistant", "machine"].contains(who) && source.starts_with("https://"), "{line}");
            let name = variable.split('=').next().unwrap();
            assert!(name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{line}");
            assert!(seen.insert(name), "{name} stands twice");
        }
        assert_eq!(signs().count(), seen.len(), "every line is read");
    }

    #[test]
    fn an_assistants_child_process_is_known_by_its_variables() {
        assert_eq!(with(&[("CLAUDECODE", "1"), ("CI", "true")]), Driver::Assistant("CLAUDECODE"));
        for name in ["CODEX_SANDBOX", "COPILOT_CLI", "PI_CODING_AGENT", "OPENCLAW_SHELL", "REPL_ID", "TRAE_AI_SHELL_ID"]
        {
            assert_eq!(with(&[(name, "x")]), Driver::Assistant(name));
        }
        for value in ["amp", "goose", "Crush"] {
            assert_eq!(with(&[("AGENT", value)]), Driver::Assistant("AGENT"), "{value}");
        }
        let amazon = "AmazonQ-For-CLI Version/1.13.0";
        assert_eq!(with(&[("AWS_EXECUTION_ENV", amazon)]), Driver::Assistant("AWS_EXECUTION_ENV"));
        let cursor = [("CURSOR_TRACE_ID", "abc"), ("PAGER", "head -n 10000 | cat")];
        assert_eq!(with(&cursor), Driver::Assistant("CURSOR_TRACE_ID"));
    }

    #[test]
    fn a_person_in_an_editors_terminal_is_no_assistant() {
        assert_eq!(with(&[("CURSOR_TRACE_ID", "abc"), ("TERM_PROGRAM", "vscode"), ("PAGER", "less")]), Driver::Nobody);
        assert_eq!(with(&[("GEMINI_CLI", ""), ("CLAUDECODE", "0"), ("CI", "false")]), Driver::Nobody);
        assert_eq!(with(&[("AGENT", "7231"), ("AWS_EXECUTION_ENV", "CloudShell")]), Driver::Nobody);
        assert_eq!(with(&[]), Driver::Nobody);
    }

    #[test]
    fn a_build_job_is_a_machine_and_no_assistant() {
        assert_eq!(with(&[("CI", "true")]), Driver::Machine("CI"));
        assert!(matches!(with(&[("GITHUB_ACTIONS", "true"), ("CI", "true")]), Driver::Machine(_)));
    }
}
