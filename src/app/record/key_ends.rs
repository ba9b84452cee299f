//! Ends keys in the trust folder: adds a key to `revoked_keys`, or ends the lines of a person in `allowed_signers`.
//!
//! Writes one file, as a whole, and says what follows from it. Files that are read from git are not changed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};

use crate::app::io::command_error::hinted;
use crate::app::io::files::{replace, shown};
use crate::app::io::streams;
use crate::app::record::log_source::LogSource;
use crate::app::site::load::{REVOKED_KEYS, Site};
use crate::app::site::location::SiteLocation;
use crate::app::site::log_id::log_id;
use crate::input::digest::{Digest, of};
use crate::input::finding::Code;
use crate::input::id::{IdentityId, PersonId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::report::sentence::counted;
use crate::trust::key::PublicKey;
use crate::trust::revoked::{KeyRevocation, Revoked, VALID_UP_TO};
use crate::trust::signers::{SignerLine, end_lines};

/// The longest public key file that is read.
const MAX_PUB_BYTES: u64 = 64 * 1024;
/// The longest comment of a revoked key.
const MAX_REASON: usize = 200;
/// How many owned objects are named.
const MOST_OWNED: usize = 5;
const ALLOWED_SIGNERS: &str = "allowed_signers";

/// Adds a key to `revoked_keys`. Returns the sentences to tell the user.
///
/// # Errors
/// If the key or the head is unknown, the key is revoked already, or the file cannot be written.
pub fn revoke(
    place: &SiteLocation,
    key: &str,
    up_to: Option<Digest<of::Line>>,
    reason: &str,
) -> anyhow::Result<Vec<String>> {
    let mut site = load(place)?;
    let path = file_of(&site, REVOKED_KEYS)?;
    ensure!(
        reason.len() <= MAX_REASON && !reason.contains(char::is_control) && !reason.contains(VALID_UP_TO),
        hinted("the reason is not a comment of one line", format!("write at most {MAX_REASON} bytes on one line"))
    );
    let (fingerprint, line) = named(key, &site)?;
    let before = site.folder.read(REVOKED_KEYS)?.map(|bytes| bytes.to_vec()).unwrap_or_default();
    if let Some(known) = site.revoked.of_fingerprint(&fingerprint) {
        let how = match known {
            KeyRevocation::Whole => "as a whole".to_owned(),
            KeyRevocation::UpTo(heads) => {
                format!("up to {}", heads.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "))
            }
        };
        bail!(hinted(
            format!("`{}` revokes the key `{fingerprint}` already, {how}", site.folder.shown(REVOKED_KEYS)),
            "to change that, edit its line"
        ));
    }
    let mut text = String::from_utf8(before).context("revoked_keys is not UTF-8")?;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let words = [Some(line), Some(reason.to_owned()), up_to.map(|head| format!("{VALID_UP_TO}{head}"))];
    let words: Vec<String> = words.into_iter().flatten().filter(|word| !word.is_empty()).collect();
    text.push_str(&words.join(" "));
    text.push('\n');
    let (revoked, faults) = Revoked::parse(REVOKED_KEYS, text.as_bytes());
    if let Some(fault) = faults.first() {
        bail!(hinted(fault.message.terminal(), "correct `revoked_keys` first; `review trust check` shows its faults"));
    }
    let mut said = Vec::new();
    let listed = is_listed(&site, &fingerprint);
    site.signers = site.signers.clone().without(revoked);
    let uncounted = consequences(&site, place, up_to)?;
    replace(&path, text.as_bytes())?;
    said.push(format!("revoked the key `{fingerprint}` in `{}`", shown(&path)));
    said.extend(uncounted);
    if !listed {
        said.push(
            "note: allowed_signers does not list this key; if it is a proposer's, it proves no plan from now on"
                .to_owned(),
        );
    }
    said.push("next: commit the file where approvers take their trust folder from, and keep the key's line in allowed_signers".to_owned());
    Ok(said)
}

/// Ends every key of a person. Returns the sentences to tell the user.
///
/// # Errors
/// If the person is unknown, a line cannot be ended, or the file cannot be written.
pub fn retire(place: &SiteLocation, person: &PersonId, at: Time) -> anyhow::Result<Vec<String>> {
    let site = load(place)?;
    let path = file_of(&site, ALLOWED_SIGNERS)?;
    let Some(found) = site.people.person(person) else {
        let ids: Vec<&str> = site.people.all().iter().map(|one| one.id.value.as_str()).collect();
        let near = crate::input::nearest::nearest(person.as_str(), ids.iter().copied());
        let help = near.map_or_else(|| format!("one of: {}", ids.join(", ")), |id| format!("did you mean `{id}`?"));
        bail!(hinted(format!("people.yaml has no person `{}`", person.text().terminal()), help));
    };
    let stands = |line: &&SignerLine| found.principals.iter().any(|p| line.principals.matches(p.value.as_str()));
    let (own, shared): (Vec<&SignerLine>, Vec<&SignerLine>) =
        site.signers.lines().iter().filter(stands).partition(|line| {
            let names = line.principals.names();
            let is_own = |name: &&str| found.principals.iter().any(|p| p.value.as_str() == *name);
            !line.cert_authority && !line.principals.is_open() && names.iter().all(is_own)
        });
    let open: Vec<u32> =
        own.iter().filter(|line| line.valid_before.is_none_or(|end| end > at)).map(|line| line.number).collect();
    let bytes = site.folder.read(ALLOWED_SIGNERS)?.context("the trust folder has no allowed_signers")?;
    let text = std::str::from_utf8(&bytes).context("allowed_signers is not UTF-8")?;
    let ended = end_lines(text, &open, at).ok_or_else(|| {
        anyhow!(hinted(
            format!("the keys of `{}` cannot be ended at {at}", person.text().terminal()),
            "add `valid-before` to their lines in allowed_signers by hand; a line that starts with `valid-after` must end later"
        ))
    })?;
    let who = person.text().terminal();
    let mut said = Vec::new();
    if open.is_empty() {
        said.push(format!("`{who}` has no key in allowed_signers that is valid after {at}"));
    } else {
        replace(&path, ended.as_bytes())?;
        let keys = counted(open.len() as u64, "key", "keys");
        said.push(format!("ended {keys} of `{who}` at {at} in `{}`: {}", shown(&path), lines(&open)));
    }
    for line in shared {
        let what = if line.cert_authority { "is a certificate authority" } else { "also stands for others" };
        said.push(format!(
            "not changed: line {} of allowed_signers {what}; see to it that `{who}` gets no new certificate or key by it",
            line.number
        ));
    }
    said.extend(still_named(&site, person));
    if !open.is_empty() {
        let what = "approvals by these keys that were not exported stop counting; `review status` lists what waits";
        said.push(what.to_owned());
    }
    said.push(
        "keep the person in people.yaml and the lines in allowed_signers, so that the log shows who signed".to_owned(),
    );
    Ok(said)
}

fn load(place: &SiteLocation) -> anyhow::Result<Site> {
    Site::load(place)?
        .map_err(|_| anyhow!(hinted("the trust folder has faults", "correct what `review trust check` shows")))
}

/// The path of a file of the trust folder, which must be on disk.
fn file_of(site: &Site, name: &str) -> anyhow::Result<PathBuf> {
    let folder = site.folder.path().ok_or_else(|| {
        anyhow!(hinted("the trust folder is read from a git revision", "run this in a working tree of that branch"))
    })?;
    Ok(folder.join(name))
}

/// The fingerprint of a key, and its line for `revoked_keys`: the public key if it is known, so that OpenSSH reads it too.
fn named(key: &str, site: &Site) -> anyhow::Result<(String, String)> {
    let help = "give a `SHA256:` fingerprint, as `ssh-keygen -l` prints it, or a public key or its `.pub` file";
    let literal = if key.starts_with("SHA256:") || PublicKey::from_line(key).is_ok() {
        key.to_owned()
    } else {
        let path = Path::new(key);
        let small = std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_PUB_BYTES);
        ensure!(small, hinted(format!("`{}` is neither a key nor the file of one", Text::from(key).terminal()), help));
        let text = std::fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", shown(path)))?;
        ensure!(!text.contains("PRIVATE KEY"), hinted(format!("`{}` is a private key", shown(path)), help));
        text.lines().next().unwrap_or_default().trim().to_owned()
    };
    if let Ok(public) = PublicKey::from_line(&literal) {
        return Ok((public.fingerprint(), public.to_line()));
    }
    let fingerprint = literal.split(' ').next().unwrap_or_default().to_owned();
    let readable = Revoked::parse("KEY", fingerprint.as_bytes()).1.is_empty();
    ensure!(readable, hinted(format!("`{}` is not a key", Text::from(key).terminal()), help));
    let known = site.signers.lines().iter().map(|line| &line.key).find(|known| known.fingerprint() == fingerprint);
    let line = known.map_or_else(|| fingerprint.clone(), PublicKey::to_line);
    Ok((fingerprint, line))
}

/// What stops counting in the log by the site's new list. The head must be in the log.
fn consequences(site: &Site, place: &SiteLocation, up_to: Option<Digest<of::Line>>) -> anyhow::Result<Vec<String>> {
    let log = LogSource::find(site, place)?;
    let verified = log.verify(site, log_id(site).ok(), &[], streams::now())?;
    if let Some(head) = up_to {
        let is_there = verified.sessions.iter().any(|view| view.seal.digest == head);
        ensure!(
            is_there,
            hinted(
                format!("the head `{head}` is not in the log `{}`", log.name()),
                "`review log show --format json` lists the seal of every session"
            )
        );
    }
    let found = verified.findings.iter().filter(|finding| finding.code == Code::LogRevokedKey);
    Ok(found.map(|finding| format!("warning: {}", finding.message.terminal())).collect())
}

fn is_listed(site: &Site, fingerprint: &str) -> bool {
    site.signers.lines().iter().any(|line| line.key.fingerprint() == fingerprint)
}

/// Where a person is named as somebody who acts.
fn still_named(site: &Site, person: &PersonId) -> Vec<String> {
    let who = person.text().terminal();
    let identities: Vec<&IdentityId> = site
        .people
        .person(person)
        .into_iter()
        .flat_map(|one| one.identities.iter().map(|identity| &identity.value))
        .collect();
    let mut said = Vec::new();
    let groups: Vec<String> = site.people.groups_of(person).map(|group| format!("`{}`", group.terminal())).collect();
    if !groups.is_empty() {
        said.push(format!("still to do: take `{who}` out of {} in people.yaml", groups.join(", ")));
    }
    for task in site.tasks.all() {
        let is_theirs = |id: &IdentityId| identities.contains(&id);
        let owns = task.owner.as_ref().is_some_and(|owner| is_theirs(&owner.value));
        let sponsors = task.sponsors.iter().any(|sponsor| is_theirs(&sponsor.value));
        let as_what = match (owns, sponsors) {
            (true, _) => "owner",
            (false, true) => "sponsor",
            (false, false) => continue,
        };
        said.push(format!(
            "still to do: name another {as_what} of the task `{}` in tasks.yaml",
            task.id.value.text().terminal()
        ));
    }
    let is_theirs = |owner: &Option<IdentityId>| owner.as_ref().is_some_and(|owner| identities.contains(&owner));
    let snapshot = &site.snapshot;
    let machines = snapshot.identities.iter().filter(|it| is_theirs(&it.owner)).map(|it| it.id.text());
    let groups = snapshot.groups.iter().filter(|it| is_theirs(&it.owner)).map(|it| it.id.text());
    let roles = snapshot.roles.iter().filter(|it| is_theirs(&it.owner)).map(|it| it.id.text());
    let resources = snapshot.resources.iter().filter(|it| is_theirs(&it.owner)).map(|it| it.id.text());
    let owned: Vec<String> =
        machines.chain(resources).chain(roles).chain(groups).map(|id| format!("`{}`", id.terminal())).collect();
    if let Some((listed, more)) =
        owned.split_at_checked(owned.len().min(MOST_OWNED)).filter(|(listed, _)| !listed.is_empty())
    {
        let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        said.push(format!("still to do: name another owner of {}{more} in the system itself", listed.join(", ")));
    }
    said
}

fn lines(numbers: &[u32]) -> String {
    let list: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("{} {}", if numbers.len() == 1 { "line" } else { "lines" }, list.join(", "))
}
