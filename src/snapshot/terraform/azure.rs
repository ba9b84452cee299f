//! Azure: role assignments and role definitions.
//!
//! Each becomes an object of `az role assignment list` or `az role definition list`.
//!
//! Source: Terraform registry, provider `hashicorp/azurerm`.

use serde_json::{Value, json};

use super::provider::{Context, Outline, Provider, State};
use super::values::{Side, UNKNOWN};

const TYPES: &[&str] = &["azurerm_role_assignment", "azurerm_role_definition"];

/// The provider of Azure.
pub(super) struct AzureResources;

impl Provider for AzureResources {
    fn system(&self) -> &'static str {
        "azure"
    }

    fn reads(&self, kind: &str) -> bool {
        TYPES.contains(&kind)
    }

    fn state(&self, context: &Context) -> Box<dyn State> {
        Box::new(Arm { context: context.clone(), objects: Vec::new() })
    }
}

struct Arm {
    context: Context,
    objects: Vec<Value>,
}

impl State for Arm {
    fn add(&mut self, side: &Side<'_>, outline: &mut Outline) {
        if side.kind() == "azurerm_role_definition" {
            self.definition(side, outline);
        } else {
            self.assignment(side, outline);
        }
    }

    fn documents(self: Box<Self>) -> Vec<Value> {
        self.objects
    }
}

impl Arm {
    fn assignment(&mut self, side: &Side<'_>, outline: &mut Outline) {
        let principal = side.required("principal_id");
        let scope = side.required("scope");
        let name = side.known("role_definition_name");
        // With a name, the id is computed from it.
        let id =
            side.known("role_definition_id").or_else(|| name.is_none().then(|| side.required("role_definition_id")));
        let role = id.clone().or_else(|| name.clone()).unwrap_or_default();
        let kind = side.known("principal_type").or_else(|| self.kind(&principal));
        let readable = self
            .context
            .ids
            .iter()
            .find_map(|id| Some(id.strip_suffix(&principal)?.strip_suffix('/')?.split_once(':')?.1));
        let condition = side.text("condition").filter(|it| !it.contains(UNKNOWN));
        outline.name([scope.to_ascii_lowercase().as_str(), role.as_str()]);
        outline.name(name.as_deref());
        for begin in ["user:", "group:", "sp:"] {
            outline.name([format!("{begin}{principal}").as_str()]);
        }
        outline.name(self.context.ids.iter().filter(|id| id.ends_with(&principal)).map(String::as_str));
        let address = side.address();
        let own = side
            .known("id")
            .unwrap_or_else(|| format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{address}"));
        self.objects.push(json!({
            "id": own, "type": "Microsoft.Authorization/roleAssignments", "principalId": principal, "principalType": kind,
            "principalName": readable,
            "roleDefinitionId": id.unwrap_or_else(|| format!("/providers/Microsoft.Authorization/roleDefinitions/{role}")),
            "roleDefinitionName": name, "scope": scope, "condition": condition
        }));
    }

    /// The type of a principal, as the snapshot has it.
    fn kind(&self, principal: &str) -> Option<String> {
        let found = self.context.ids.iter().find(|id| id.ends_with(principal))?;
        Some(
            if found.starts_with("group:") {
                "Group"
            } else if found.starts_with("user:") {
                "User"
            } else {
                "ServicePrincipal"
            }
            .to_owned(),
        )
    }

    fn definition(&mut self, side: &Side<'_>, outline: &mut Outline) {
        let name = side.required("name");
        let any = if side.is_past() { Vec::new() } else { vec!["*"] };
        let unknown = json!([{"actions": any, "dataActions": any}]);
        let permissions = match side.blocks("permissions") {
            None => unknown,
            Some(blocks) => blocks
                .iter()
                .map(|block| {
                    let allow = |field: &str| {
                        block.texts(field).unwrap_or_else(|| {
                            side.placeholder(&format!("permissions.{field}"));
                            any.clone()
                        })
                    };
                    // An unknown exception may except nothing.
                    let except = |field: &str| {
                        block.texts(field).unwrap_or_else(|| {
                            side.placeholder(&format!("permissions.{field}"));
                            Vec::new()
                        })
                    };
                    json!({
                        "actions": allow("actions"), "notActions": except("not_actions"),
                        "dataActions": allow("data_actions"), "notDataActions": except("not_data_actions")
                    })
                })
                .collect(),
        };
        let known = side.known("role_definition_resource_id").or_else(|| side.known("role_definition_id"));
        let id = known.unwrap_or_else(|| format!("/providers/Microsoft.Authorization/roleDefinitions/{name}"));
        outline.own(&id.to_ascii_lowercase());
        outline.name([name.as_str(), id.as_str()]);
        self.objects.push(json!({
            "id": id, "name": id.rsplit('/').next(), "type": "Microsoft.Authorization/roleDefinitions", "roleName": name,
            "roleType": "CustomRole", "permissions": permissions, "assignableScopes": side.texts("assignable_scopes").list
        }));
    }
}
