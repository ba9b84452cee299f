//! GitHub: teams, their members and repositories, collaborators and members of the organisation.
//!
//! Makes the assignments that the importer of GitHub makes. A team that is known only by a number which no resource and no
//! snapshot explains is not read.
//!
//! Source: Terraform registry, provider `integrations/github`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::provider::{Assignable, Assignee, Context, Outline, Provider, State};
use super::values::Side;

const TYPES: &[&str] = &[
    "github_team",
    "github_team_membership",
    "github_team_members",
    "github_team_repository",
    "github_repository_collaborator",
    "github_membership",
];

/// The provider of GitHub.
pub(super) struct GitHubResources;

impl Provider for GitHubResources {
    fn system(&self) -> &'static str {
        "github"
    }

    fn reads(&self, kind: &str) -> bool {
        TYPES.contains(&kind)
    }

    fn state(&self, context: &Context) -> Box<dyn State> {
        let organisation = context.find("members:", "").map(|id| id.trim_start_matches("members:").to_owned());
        Box::new(Organisation { name: organisation, teams: BTreeMap::new() })
    }
}

struct Organisation {
    name: Option<String>,
    /// The slugs of teams by their numbers.
    teams: BTreeMap<String, String>,
}

impl State for Organisation {
    fn add(&mut self, side: &Side<'_>, outline: &mut Outline) {
        let Some(organisation) = self.name.clone() else {
            outline.not_read.push(format!("{}: no snapshot tells the organisation", side.address()));
            return;
        };
        let person = |side: &Side<'_>| Assignee::person(format!("user:{}", side.required("username")));
        match side.kind() {
            "github_team" => {
                let name = side.required("name");
                let slug = side.known("slug").unwrap_or_else(|| slug(&name));
                if let Some(id) = side.known("id") {
                    self.teams.insert(id, slug.clone());
                }
                let team = format!("team:{organisation}/{slug}");
                outline.own(&team);
                let parent = side.text("parent_team_id").map(|id| self.team(&organisation, &id));
                let what = parent.map_or(Assignable::Nothing, Assignable::Member);
                outline.assign(Assignee::group(team), what, None);
            }
            "github_team_membership" => {
                let team = self.team(&organisation, &side.required("team_id"));
                if side.may_be("role", "maintainer") {
                    outline.assign(person(side), Assignable::Role(format!("maintainer of {team}")), None);
                }
                outline.assign(person(side), Assignable::Member(team), None);
            }
            "github_team_members" => {
                let team = self.team(&organisation, &side.required("team_id"));
                let maintainer = format!("maintainer of {team}");
                let mut add = |login: &str, is_maintainer: bool| {
                    let person = || Assignee::person(format!("user:{login}"));
                    if is_maintainer {
                        outline.assign(person(), Assignable::Role(maintainer.clone()), None);
                    }
                    outline.assign(person(), Assignable::Member(team.clone()), None);
                };
                let Some(blocks) = side.blocks("members") else {
                    add(&side.placeholder("members"), !side.is_past());
                    return;
                };
                for block in blocks {
                    let login = block
                        .text("username")
                        .ok()
                        .flatten()
                        .map_or_else(|| side.placeholder("members"), str::to_owned);
                    let is_maintainer = block.text("role").map_or_else(
                        |()| {
                            side.placeholder("members");
                            !side.is_past()
                        },
                        |role| role == Some("maintainer"),
                    );
                    add(&login, is_maintainer);
                }
            }
            "github_membership" => {
                if side.may_be("role", "admin") {
                    let owner = Assignable::Role("organization owner".to_owned());
                    outline.assign(person(side), owner, Some(&format!("org:{organisation}")));
                }
                outline.assign(person(side), Assignable::Member(format!("members:{organisation}")), None);
            }
            _ => {
                let repository = side.required("repository");
                let scope = if repository.contains('/') {
                    format!("repo:{repository}")
                } else {
                    format!("repo:{organisation}/{repository}")
                };
                let permission = side.known("permission").unwrap_or_else(|| side.required("permission"));
                let role = Assignable::Role(format!("repo:{permission}"));
                let who = if side.kind() == "github_team_repository" {
                    Assignee::group(self.team(&organisation, &side.required("team_id")))
                } else {
                    person(side)
                };
                outline.assign(who, role, Some(&scope));
            }
        }
    }

    fn documents(self: Box<Self>) -> Vec<Value> {
        Vec::new()
    }
}

impl Organisation {
    /// The id of a team by its number or slug.
    fn team(&self, organisation: &str, id: &str) -> String {
        let slug = self.teams.get(id).map_or(id, String::as_str);
        format!("team:{organisation}/{slug}")
    }
}

/// The slug that GitHub makes of a name.
fn slug(name: &str) -> String {
    let mapped: String =
        name.to_lowercase().chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '-' }).collect();
    mapped.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}
