//! Who drives the terminal: a person, an assistant, or a machine.
//!
//! In: the environment, as a snapshot that `cli` takes. Out: who it shows. Best effort: an assistant can unset a variable;
//! the real answer is a security key and a separate account. So this only ever refuses, it never vouches for anybody.

/// Who drives the terminal, as far as the environment shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Nothing shows anything else.
    Nobody,
    /// An assistant's child process: the variable that shows it. No decision is taken.
    Assistant(&'static str),
    /// A job of a build system: the variable that shows it. Nobody sits there, but it is no assistant.
    Machine(&'static str),
}

/// Variables that assistants set for the processes that they start, and a person's own terminal does not carry.
///
/// Absent on purpose: what a person's own terminal carries too, such as `TERM_PROGRAM` within an editor, and the settings
/// that people export for an assistant (`AIDER_MODEL`, `ANTHROPIC_API_KEY`).
pub const ASSISTANTS: &[&str] = &[
    "AI_AGENT",
    "AMP_CURRENT_THREAD_ID",
    "ANTIGRAVITY_AGENT",
    "AUGMENT_AGENT",
    "CLAUDECODE",
    "CLAUDE_CODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLINE_ACTIVE",
    "CODEX_CI",
    "CODEX_SANDBOX",
    "CODEX_SANDBOX_NETWORK_DISABLED",
    "CODEX_THREAD_ID",
    "COPILOT_AGENT",
    "CURSOR_AGENT",
    "GEMINI_CLI",
    "GOOSE_TERMINAL",
    "OPENCODE",
    "OPENCODE_CLIENT",
    "QWEN_CODE",
    "ROO_ACTIVE",
];

/// Variables that build systems set.
pub const MACHINES: &[&str] =
    &["GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "JENKINS_URL", "TEAMCITY_VERSION", "TF_BUILD", "CI"];

/// Says who drives, from the environment. A variable that is empty, `0` or `false` counts as unset.
#[must_use]
pub fn driver(variable: impl Fn(&str) -> Option<String>) -> Driver {
    let set = |name: &&&str| {
        variable(name).is_some_and(|value| !matches!(value.trim().to_ascii_lowercase().as_str(), "" | "0" | "false"))
    };
    if let Some(name) = ASSISTANTS.iter().find(set) {
        return Driver::Assistant(name);
    }
    // WHY: Cursor sets a trace id in every terminal of its own; only without a pager of the person's does its agent run.
    if set(&&"CURSOR_TRACE_ID") && variable("PAGER").is_some_and(|pager| pager == "head -n 10000 | cat") {
        return Driver::Assistant("CURSOR_TRACE_ID");
    }
    match MACHINES.iter().find(set) {
        Some(name) => Driver::Machine(name),
        None => Driver::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: &[(&str, &str)]) -> Driver {
        driver(|name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn an_assistants_child_process_is_known_by_its_variables() {
        assert_eq!(with(&[("CLAUDECODE", "1"), ("CI", "true")]), Driver::Assistant("CLAUDECODE"));
        assert_eq!(with(&[("CODEX_SANDBOX", "seatbelt")]), Driver::Assistant("CODEX_SANDBOX"));
        let cursor = [("CURSOR_TRACE_ID", "abc"), ("PAGER", "head -n 10000 | cat")];
        assert_eq!(with(&cursor), Driver::Assistant("CURSOR_TRACE_ID"));
    }

    #[test]
    fn a_person_in_an_editors_terminal_is_no_assistant() {
        assert_eq!(with(&[("CURSOR_TRACE_ID", "abc"), ("TERM_PROGRAM", "vscode")]), Driver::Nobody);
        assert_eq!(with(&[("GEMINI_CLI", ""), ("CLAUDECODE", "0")]), Driver::Nobody);
        assert_eq!(with(&[]), Driver::Nobody);
    }

    #[test]
    fn a_build_job_is_a_machine_and_no_assistant() {
        assert_eq!(with(&[("CI", "true")]), Driver::Machine("CI"));
        assert_eq!(with(&[("GITHUB_ACTIONS", "true"), ("CI", "true")]), Driver::Machine("GITHUB_ACTIONS"));
    }
}
