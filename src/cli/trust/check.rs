//! `review trust check`: all faults of the trust files at once, without a plan.
//!
//! Reports findings with file, line, column and a suggested fix; exits 1 if any is an error. Changes nothing, and an
//! unreadable file does not hide the faults of the others.

use std::collections::BTreeMap;
use std::rc::Rc;

use clap::Args;

use crate::access::Index;
use crate::app::io::streams;
use crate::app::present::plan_report::without_target;
use crate::app::record::entries;
use crate::app::record::head_files::heads_in;
use crate::app::record::log_source::LogSource;
use crate::app::record::trusted_heads::KNOWN_HEADS;
use crate::app::site::load::{REVOKED_KEYS, Site};
use crate::app::site::location::SiteLocation;
use crate::app::site::proposer_keys;
use crate::app::site::trust_folder::{TrustFolder, TrustFolderError};
use crate::cli::output_args::Writing;
use crate::config::{self, Agents, People, Settings, Tasks};
use crate::decision::exit::ExitCode;
use crate::decision::lint::misspelt_ids::slips;
use crate::decision::lint::trust_files;
use crate::decision::lint::trust_files::Files;
use crate::decision::lint::unknown_names;
use crate::input::finding::{Code, Finding, Severity};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::log::line::Session;
use crate::report::model::{Body, Report};
use crate::report::sentence::{Sentence, counted};
use crate::trust::revoked::Revoked;
use crate::trust::signers::Signers;

/// Check the files of the trust folder against each other: keys, people, agents, tasks, access of agents.
#[derive(Debug, Args)]
pub struct TrustCheckArgs {
    /// The trust folder, or a git revision that contains one [default: the nearest folder upward with `review.yaml`].
    #[arg(long, value_name = "DIR|GIT-REF")]
    trust: Option<String>,
    /// Fail on warnings.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    writing: Writing,
}

/// The findings so far, with the texts that they refer to.
#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
    sources: BTreeMap<String, Rc<[u8]>>,
}

impl Found {
    /// Adds each finding once: the files are read here individually and, together, by the site.
    fn add(&mut self, more: impl IntoIterator<Item = Finding>) {
        for finding in more {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
    }

    fn fault(&mut self, path: &str, error: &TrustFolderError) {
        let code = if matches!(error, TrustFolderError::Link(_)) { Code::TrustFileLink } else { Code::Unreadable };
        let message = error.to_string();
        if self.findings.iter().any(|known| known.message.raw() == message) {
            return;
        }
        let finding = Finding::new(code, message).at(&Place::file(path));
        self.add([match error.help() {
            Some(help) => finding.help(help),
            None => finding,
        }]);
    }

    fn bytes(&mut self, folder: &TrustFolder, path: &str) -> Option<(String, Rc<[u8]>)> {
        let shown = folder.shown(path);
        match folder.read(path) {
            Ok(Some(bytes)) => {
                self.sources.insert(shown.clone(), Rc::clone(&bytes));
                Some((shown, bytes))
            }
            Ok(None) => None,
            Err(error) => {
                self.fault(&shown, &error);
                None
            }
        }
    }

    /// Reads a file, with a default if it is absent; `None` if it is faulty.
    fn read<T: Default>(
        &mut self,
        folder: &TrustFolder,
        path: &str,
        read: impl Fn(&str, &[u8]) -> Result<T, Vec<Finding>>,
    ) -> Option<T> {
        let before = self.findings.len();
        let Some((shown, bytes)) = self.bytes(folder, path) else {
            return (self.findings.len() == before).then(T::default);
        };
        read(&shown, &bytes).map_err(|findings| self.add(findings)).ok()
    }
}

impl TrustCheckArgs {
    pub(super) fn writing(&self) -> &Writing {
        &self.writing
    }

    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        self.writing.finish("trust check", self.judge())
    }

    fn judge(&self) -> anyhow::Result<(Report, ExitCode)> {
        let folder = TrustFolder::find(self.trust.as_deref(), &std::env::current_dir()?)?;
        let mut found = Found::default();
        self.look(&folder, &mut found)?;
        found.findings.sort_by(|a, b| (b.severity, &a.place).cmp(&(a.severity, &b.place)));
        let count = |severity| found.findings.iter().filter(|f| f.severity == severity).count() as u64;
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let fails = errors > 0 || self.strict && warnings > 0;
        let code = if fails { ExitCode::Failure } else { ExitCode::Passes };
        let verdict = match (errors, warnings) {
            (0, 0) => "the trust files have no faults".to_owned(),
            (0, _) => counted(warnings, "warning", "warnings"),
            (_, 0) => counted(errors, "error", "errors"),
            _ => format!("{} and {}", counted(errors, "error", "errors"), counted(warnings, "warning", "warnings")),
        };
        let report = Report {
            command: "trust check",
            exit_code: code.code(),
            verdict: Sentence::of(verdict),
            findings: crate::app::site::fault_report::reported(&found.findings, &found.sources),
            body: Body::Findings,
            next: Vec::new(),
        };
        Ok((report, code))
    }

    fn look(&self, folder: &TrustFolder, found: &mut Found) -> anyhow::Result<()> {
        let settings = found
            .bytes(folder, "review.yaml")
            .and_then(|(shown, bytes)| Settings::read(&shown, &bytes).map_err(|findings| found.add(findings)).ok());
        let people = found.read(folder, "people.yaml", People::read);
        let agents = found.read(folder, "agents.yaml", Agents::read);
        let tasks = found.read(folder, "tasks.yaml", Tasks::read);
        let tasks = tasks.unwrap_or_default();
        let signers = match found.bytes(folder, "allowed_signers") {
            Some((shown, bytes)) => {
                let (signers, findings) = Signers::parse(&shown, &bytes);
                found.add(findings);
                signers
            }
            None => Signers::default(),
        };
        let revoked = found.bytes(folder, REVOKED_KEYS).map_or_else(Revoked::default, |(shown, bytes)| {
            let (revoked, findings) = Revoked::parse(&shown, &bytes);
            found.add(findings);
            revoked
        });
        found.add(tasks.without_owner());
        if let Some((shown, bytes)) = found.bytes(folder, KNOWN_HEADS)
            && let Err(fault) = heads_in(&shown, &String::from_utf8_lossy(&bytes))
        {
            let finding = Finding::new(Code::BadConfiguration, fault.to_string()).at(&Place::file(&shown));
            found.add([finding.help("write one hash per line, as `review log head` prints it")]);
        }
        if let Some(agents) = &agents {
            match proposer_keys::load(agents, &mut |path| Ok(found.bytes(folder, path))) {
                Ok((_, findings)) => found.add(findings),
                Err(error) => found.fault("agents.yaml", &error),
            }
        }
        let signers_file = folder.shown("allowed_signers");
        // WHY: an unreadable file lists no one, which must not cause findings about the other files.
        let files = people.as_ref().zip(agents.as_ref()).map(|(people, agents)| Files {
            people,
            agents,
            tasks: &tasks,
            signers: &signers,
            signers_file: &signers_file,
        });
        if let Some(files) = files {
            found.add(config::cross_check(files.people, files.agents, files.tasks));
            found.add(trust_files::faults(files));
        }
        let longest = settings.map_or_else(
            || config::Parameters::default().max_credential_ttl,
            |settings| settings.parameters.max_credential_ttl,
        );
        // The site as a whole: policies, classification, the snapshot. Identities missing in the export are no fault.
        let place = SiteLocation { trust: self.trust.clone(), log: None };
        let site = match Site::load(&place) {
            Ok(Ok(site)) => Some(site),
            Ok(Err(faults)) => {
                found.sources.extend(faults.sources);
                found.add(faults.findings);
                None
            }
            Err(error) => {
                match error.downcast_ref::<TrustFolderError>() {
                    Some(TrustFolderError::Missing { path, help }) => {
                        let message = format!("there is no `{}`, so the access of agents was not checked", path.raw());
                        found.add([Finding::new(Code::Unreadable, message).help(*help).weighing(Severity::Note)]);
                    }
                    Some(error) => found.fault(&folder.shown("review.yaml"), error),
                    None => return Err(error),
                }
                None
            }
        };
        if let Some(files) = files {
            let snapshot = site.as_ref().map(|site| &site.snapshot);
            found.add(trust_files::remarks(files, &revoked, longest, snapshot, streams::now()));
        }
        if let Some(site) = site {
            found.sources.extend(site.sources.iter().map(|(name, bytes)| (name.clone(), Rc::clone(bytes))));
            found.add(site.findings.iter().cloned());
            found.add(overbroad(&site));
            found.add(unruled(&site));
            found.add(slips(&site.people, &site.agents, &site.snapshot, site.added));
            let first = first_session(&site, &place);
            found.add(unbound(&site, first.is_some()));
            found.add(first.map(|(log, header)| origin(&site, &log, &header)).unwrap_or_default());
            found.add(unknown_names::in_tasks(&site.people, &site.tasks, &site.snapshot));
            found.add(unknown_names::in_policies(&site.pack, &site.people, &site.tasks, &site.snapshot));
        }
        Ok(())
    }
}

/// Every system of the snapshot without a classification rule.
fn unruled(site: &Site) -> Vec<Finding> {
    let systems = site.snapshot.source.raw().split('+').map(Text::from);
    let of = |system: Text| {
        let message = format!(
            "no classification rule is about the system `{}` of the snapshot, so most of its access is `unknown`",
            system.raw()
        );
        Finding::new(Code::NoClassification, message)
            .help("add rules to `policies/classification.yaml`; `review snapshot classify --suggest` drafts them")
    };
    systems.filter(|system| !site.rules.classification.knows(system)).map(of).collect()
}

/// The first session of the log of a site, with the name of the log.
fn first_session(site: &Site, place: &SiteLocation) -> Option<(String, Session)> {
    // Errors in reading the log are reported by `verify`.
    let log = LogSource::find(site, place).ok()?;
    let verified = log.verify(site, None, &[], streams::now()).ok()?;
    let first = verified.sessions.iter().min_by_key(|it| (!it.header.parents.is_empty(), it.header.at))?;
    Some((log.name(), first.header.clone()))
}

/// Whether the snapshot names no target. With a log, that is a warning: a copy of the trust folder, for another system
/// with the same `source`, accepts the same decisions.
fn unbound(site: &Site, has_log: bool) -> Option<Finding> {
    without_target(&site.snapshot).map(|note| if has_log { note.weighing(Severity::Warning) } else { note })
}

/// Whether the log of a site belongs to another site: a copied trust folder brings decisions that were made for the
/// original.
fn origin(site: &Site, log: &str, first: &Session) -> Vec<Finding> {
    let place = Place::file(log);
    let mut found = Vec::new();
    if crate::app::site::log_id::log_id(site).is_ok_and(|id| id != first.log) {
        let message = format!("the log belongs to `{}`, which is not the `log_id` in review.yaml", first.log);
        let finding = Finding::new(Code::LogForeignSession, message).weighing(Severity::Warning).at(&place);
        found.push(finding.help("start a new log, or restore the `log_id` of this site"));
    }
    let began = first.snapshot.as_ref().map(|it| it.targets.as_slice()).unwrap_or_default();
    let now = entries::targets(&site.snapshot);
    if let (Some(was), Some(is), true) = (began.first(), now.first(), !began.iter().any(|it| now.contains(it))) {
        let message = format!(
            "the log was started for {} `{}`, and the snapshot is of {} `{}`",
            was.system.raw(),
            was.id.raw(),
            is.system.raw(),
            is.id.raw()
        );
        let finding = Finding::new(Code::OtherTarget, message).at(&place);
        found.push(finding.help("give each system a separate trust folder with its own `log_id`: `review init`"));
    }
    found
}

/// Every agent with more access than it may have.
fn overbroad(site: &Site) -> Vec<Finding> {
    let index = Index::new(&site.snapshot);
    let agents = site.agents.all().iter();
    agents
        .filter_map(|agent| {
            let example = crate::app::plans::excess_access::beyond(&index, agent)?;
            let who = if agent.is_person { "the person" } else { "the agent" };
            let finding = crate::app::plans::excess_access::finding(who, agent.id.value.as_str(), &example);
            Some(finding.at(&agent.id.place))
        })
        .collect()
}
