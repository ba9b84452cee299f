//! Output of results: to stdout in one format, and to any number of files, each in its own format.
//!
//! Writes a report, or the reason why there is none. Each file is replaced completely or not at all. The format never
//! changes the verdict. A file that cannot be written makes the command exit 1, and every other output reports that.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum as _};

use crate::app::io::files::shown;
use crate::app::io::format::render;
use crate::app::io::staged::Staged;
use crate::app::io::streams;
use crate::cli::failure;
use crate::decision::exit::ExitCode;
use crate::input::finding::{Code, Finding};
use crate::input::text::Text;
use crate::report::model::{Body, Report, Reported};
use crate::report::render::format::Format;
use crate::report::sentence::Sentence;
use crate::report::style::Style;

/// The width of text in files.
const FILE_WIDTH: usize = 100;

/// How the result is written, and where to.
#[derive(Clone, Debug, Default, Args)]
pub struct Writing {
    /// The format of the result on stdout.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    format: Format,
    /// Also write the result to a file, for example `sarif=review.sarif`. Can be repeated. `-` is stdout and replaces
    /// `--format`.
    #[arg(long, value_name = "FORMAT=FILE|-", value_parser = parse)]
    output: Vec<Output>,
}

/// A format, and its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    format: Format,
    /// `None`: stdout.
    file: Option<PathBuf>,
}

fn parse(word: &str) -> Result<Output, String> {
    let formats = || {
        let names = Format::value_variants().iter().filter_map(clap::ValueEnum::to_possible_value);
        names.map(|name| name.get_name().to_owned()).collect::<Vec<_>>().join(", ")
    };
    let Some((format, file)) = word.split_once('=') else {
        return Err(format!("write FORMAT=FILE, FORMAT being one of {}", formats()));
    };
    let format = Format::from_str(format, false).map_err(|_| format!("the formats are {}", formats()))?;
    match file {
        "" => Err("no file is named; `-` is stdout".to_owned()),
        "-" => Ok(Output { format, file: None }),
        file => Ok(Output { format, file: Some(PathBuf::from(file)) }),
    }
}

impl Writing {
    /// Why these outputs cannot be combined; `None`: they can.
    #[must_use]
    pub fn clash(&self) -> Option<String> {
        let place = |output: &Output| {
            output.file.as_ref().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()))
        };
        for (at, output) in self.output.iter().enumerate() {
            if self.output.iter().take(at).any(|other| place(other) == place(output)) {
                let what =
                    output.file.as_deref().map_or_else(|| "stdout".to_owned(), |file| format!("`{}`", shown(file)));
                return Some(format!("two of `--output` are for {what}; write each to a different file"));
            }
        }
        None
    }

    /// The format of stdout.
    fn stdout(&self) -> Format {
        self.output.iter().find(|output| output.file.is_none()).map_or(self.format, |output| output.format)
    }

    /// Writes the result of a command. A failure is written too, in every format, so that no old file is mistaken for a
    /// new result.
    ///
    /// # Errors
    /// The failure of the command, after it was written.
    pub fn finish(
        &self,
        command: &'static str,
        result: anyhow::Result<(Report, ExitCode)>,
    ) -> anyhow::Result<ExitCode> {
        match result {
            Ok((report, code)) => Ok(self.say(report, code, true)),
            Err(error) => {
                let report = could_not_run(command, &error);
                // WHY: people read the failure itself on stderr.
                self.say(report, ExitCode::Failure, self.stdout() != Format::Text);
                Err(error)
            }
        }
    }

    /// Renders the report once for each output. Returns the exit code.
    fn say(&self, mut report: Report, mut code: ExitCode, to_stdout: bool) -> ExitCode {
        let mut faults: Vec<String> = Vec::new();
        let mut files: Vec<(Format, &Path)> =
            self.output.iter().filter_map(|output| Some((output.format, output.file.as_deref()?))).collect();
        let mut printed = !to_stdout;
        let staged = loop {
            report.exit_code = code.code();
            let known = faults.len();
            let mut staged = Vec::new();
            files.retain(|(format, file)| match Staged::write(file, &render_to_file(&report, *format)) {
                Ok(one) => {
                    staged.push(one);
                    true
                }
                Err(error) => {
                    faults.push(format!("`{}` cannot be written: {error}", shown(file)));
                    false
                }
            });
            // INVARIANT: no output states a code other than the exit code of the process, so stdout is written after
            // the files.
            if faults.len() == known && !printed {
                printed = true;
                if let Err(error) = streams::data(&render(&report, self.stdout())) {
                    faults.push(error.to_string());
                }
            }
            if faults.len() == known {
                break staged;
            }
            code = ExitCode::first([code, ExitCode::Failure]);
        };
        for one in staged {
            let file = one.target.clone();
            if let Err(error) = one.publish() {
                faults.push(format!("`{}` cannot be written: {error}", shown(&file)));
                code = ExitCode::first([code, ExitCode::Failure]);
            }
        }
        for fault in faults {
            streams::note(&format!(
                "error: {fault}\n  = help: choose a file in an existing folder that you can write to"
            ));
        }
        code
    }
}

fn render_to_file(report: &Report, format: Format) -> String {
    crate::report::render::render(report, format, &Style::plain(FILE_WIDTH))
}

/// The report of a command that failed.
fn could_not_run(command: &'static str, error: &anyhow::Error) -> Report {
    let mut finding = Finding::new(Code::CouldNotRun, Text::from(failure::message(error)));
    finding.help = failure::help(error).map(Text::from);
    Report {
        command,
        exit_code: ExitCode::Failure.code(),
        verdict: Sentence::of("could not run; nothing was judged"),
        findings: vec![Reported::new(finding, |_| None)],
        body: Body::Findings,
        next: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_names_a_format_and_a_file() {
        assert_eq!(parse("sarif=a=b.sarif").unwrap(), Output { format: Format::Sarif, file: Some("a=b.sarif".into()) });
        assert_eq!(parse("markdown=-").unwrap(), Output { format: Format::Markdown, file: None });
        for bad in ["sarif", "=x", "sarif=", "SARIF=x", "xml=x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
