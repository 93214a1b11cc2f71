//! Erasure (M25, T12): one list of what is personal in the directory and how it goes. A test compares it with
//! the schema, so that no column is forgotten. Called when a batch is committed.

use jiff::Timestamp;

use super::sql::{Table, Tx, keys};
use super::{Error, outbox};
use crate::api::Kind;
use crate::record::Uid;

/// How what is personal in a table goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// Its rows go with whom these columns name.
    With(&'static [(Whose, &'static str)]),
    /// Where records are stored: the row goes with the record, or what is personal in it is emptied.
    WithRecord,
    /// Where declarations are stored: the row goes with the resource, or what is personal in it is emptied.
    WithDeclaration,
    /// Its rows of mails go with the member or contact, and its orders for devices once they are carried out. Other orders
    /// to services name their record by its uid only, and outlive it.
    Mails,
    /// Its rows go with the tenant whose handle they have.
    OfTenant,
    /// It holds nothing personal.
    Never,
}

/// Whom a column names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Member,
    Contact,
    Tenant,
}

/// What is personal in a table, and what is not.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    pub table: &'static str,
    pub erased: Erased,
    /// Columns that tell something of a person or of a company.
    pub personal: &'static [&'static str],
    /// Columns that don't: identifiers, instants, counters, words of Rollcall's own.
    pub impersonal: &'static [&'static str],
}

use Erased::{Mails, Never, OfTenant, With, WithDeclaration, WithRecord};
use Whose::{Contact, Member, Tenant};

/// Every table of the directory. Handles (`namespace`, `name`) of tenants are no personal data: they stay.
pub const CONTENTS: &[Content] = &[
    Content { table: "directory", erased: Never, personal: &[], impersonal: &["key", "value"] },
    Content { table: "secrets", erased: Never, personal: &[], impersonal: &["key", "value"] },
    Content { table: "leadership", erased: Never, personal: &[], impersonal: &["id", "holder", "epoch", "expires_at"] },
    Content {
        table: "declarations",
        erased: WithDeclaration,
        personal: &["spec", "annotations", "status"],
        impersonal: &[
            "kind",
            "namespace",
            "name",
            "tenant",
            "source",
            "digest",
            "generation",
            "manager",
            "commit_id",
            "created_at",
            "declared_at",
            "uid",
            "settled",
            "reason",
            "removal",
            "removal_at",
            "status_digest",
        ],
    },
    // Keys may hold login IDs.
    Content { table: "waits", erased: WithDeclaration, personal: &["key"], impersonal: &["kind", "namespace", "name"] },
    Content {
        table: "tenants",
        erased: WithRecord,
        personal: &["display_name", "domain", "time_zone", "plan", "profile", "supreme_admin", "intent", "confirmed"],
        impersonal: &[
            "uid",
            "namespace",
            "name",
            "managed",
            "created_at",
            "wake_at",
            "digest",
            "generation",
            "revision",
            "phase",
            "purges_from",
            "cancelled_at",
            "former",
        ],
    },
    Content {
        table: "organizations",
        erased: WithRecord,
        personal: &["namespace", "name", "parent", "display_name", "mail_id", "external_key", "profile", "intent", "digest"],
        impersonal: &["uid", "tenant", "created_at", "wake_at", "generation", "revision"],
    },
    Content {
        table: "members",
        erased: WithRecord,
        personal: &[
            "namespace",
            "name",
            "id",
            "family_name",
            "given_name",
            "personal_email",
            "mobile_phone",
            "employee_number",
            "external_key",
            "language",
            "administrator",
            "user_type",
            "job_level",
            "profile",
            "message_id",
            "contact_token",
            "qr_token",
            "on_leave",
            "fired",
            "spent_leave",
            "intent",
            "digest",
            "spent",
            "password_trouble",
            "welcome",
            "account",
        ],
        impersonal: &[
            "uid",
            "tenant",
            "phase",
            "created_at",
            "activated_at",
            "first_sign_in_at",
            "suspended_at",
            "leave_at",
            "deleted_at",
            "departed",
            "purge_at",
            "wake_at",
            "generation",
            "revision",
            "erased",
            "password_changed_at",
        ],
    },
    Content {
        table: "assignments",
        erased: WithRecord,
        personal: &["organization", "is_primary", "position", "leader", "private", "include_in_team_sharing"],
        impersonal: &["member", "ordinal", "revision"],
    },
    Content { table: "claims", erased: WithRecord, personal: &["key"], impersonal: &["scope", "space", "holder"] },
    Content {
        table: "contacts",
        erased: With(&[(Tenant, "tenant")]),
        personal: &[
            "namespace",
            "name",
            "owner",
            "sought",
            "target",
            "severed",
            "display_name",
            "nickname",
            "company",
            "photo",
            "classification",
            "profile",
            "intent",
            "digest",
        ],
        impersonal: &["uid", "tenant", "phase", "created_at", "with_owner", "trashed_at", "purge_at", "generation", "revision"],
    },
    Content {
        table: "acceptances",
        erased: With(&[(Member, "member"), (Contact, "contact")]),
        personal: &["at"],
        impersonal: &["contact", "member", "folded"],
    },
    Content {
        table: "credentials",
        erased: With(&[(Member, "member")]),
        personal: &["hash", "taken"],
        impersonal: &["member", "must_change", "changed_at", "generated", "passed_over"],
    },
    Content { table: "tombstones", erased: Never, personal: &[], impersonal: &["uid", "kind", "purged_at"] },
    Content {
        table: "sign_ins",
        erased: With(&[(Member, "member")]),
        personal: &["app", "at", "location"],
        impersonal: &["id", "member", "folded"],
    },
    Content {
        table: "sessions",
        erased: With(&[(Member, "member")]),
        personal: &["app", "opened_at", "closed_at", "closed_by"],
        impersonal: &["id", "member"],
    },
    Content {
        table: "devices",
        erased: With(&[(Member, "member")]),
        personal: &["id", "app", "app_version", "seen_at", "managed"],
        impersonal: &["member"],
    },
    Content {
        table: "storage",
        erased: With(&[(Member, "member")]),
        personal: &["product", "bytes", "reported_at"],
        impersonal: &["member"],
    },
    Content {
        table: "usage",
        erased: With(&[(Member, "member")]),
        personal: &["day", "service", "uses"],
        impersonal: &["member"],
    },
    Content { table: "rooms", erased: With(&[(Member, "member")]), personal: &["room"], impersonal: &["member"] },
    Content {
        table: "charges",
        erased: With(&[(Tenant, "tenant")]),
        personal: &["month", "amount", "currency", "due_at", "paid_at"],
        impersonal: &["tenant", "revision", "told"],
    },
    // What a decided one said of the person is emptied as it is decided.
    Content {
        table: "registration_requests",
        erased: With(&[(Tenant, "tenant")]),
        personal: &["family_name", "given_name", "wished_id", "email"],
        impersonal: &["id", "tenant", "requested_at", "expires_at", "state", "decided_at", "revision", "told", "member"],
    },
    Content {
        table: "holds",
        erased: OfTenant,
        personal: &["items"],
        impersonal: &["kind", "namespace", "name", "reason", "fingerprint", "number", "since"],
    },
    Content {
        table: "approvals",
        erased: Never,
        personal: &[],
        impersonal: &["kind", "namespace", "name", "reason", "fingerprint"],
    },
    Content { table: "access_losses", erased: Never, personal: &[], impersonal: &["tenant", "member", "at"] },
    Content {
        table: "outbox",
        erased: Mails,
        // The identifier of an order for a device names that.
        personal: &["id", "payload", "error"],
        impersonal: &[
            "at",
            "uid",
            "tenant",
            "consumer",
            "effect",
            "attempts",
            "next_at",
            "refused_at",
            "acknowledged_at",
            "changed_at",
            "folded",
            "held",
        ],
    },
    Content {
        table: "links",
        erased: With(&[(Member, "member")]),
        personal: &["digest"],
        impersonal: &["member", "purpose", "created_at", "expires_at", "sent_at", "ended_at", "used_at", "folded"],
    },
    Content {
        table: "password_history",
        erased: With(&[(Member, "member")]),
        personal: &["hash"],
        impersonal: &["id", "member"],
    },
    // The purge itself orders the Secret of an initial password to be removed, by the member's uid only.
    Content {
        table: "password_orders",
        erased: With(&[(Member, "member")]),
        personal: &["reason"],
        impersonal: &["id", "member", "at", "tried_at"],
    },
    Content {
        table: "password_facts",
        erased: With(&[(Member, "member")]),
        personal: &["trouble"],
        impersonal: &["member", "id", "changed_at", "by_member", "at", "folded"],
    },
    Content {
        table: "choices",
        erased: With(&[(Member, "member")]),
        personal: &["what", "value"],
        impersonal: &["member", "at"],
    },
    Content {
        table: "device_requests",
        erased: With(&[(Member, "member")]),
        personal: &["device", "action", "token"],
        impersonal: &["member", "at"],
    },
    // The identifier of an order names a device.
    Content { table: "news", erased: With(&[(Member, "member")]), personal: &["id"], impersonal: &["member"] },
    Content {
        table: "photos",
        erased: With(&[(Member, "member")]),
        personal: &["digest", "media_type", "width", "height", "problem", "content"],
        impersonal: &["member", "missing", "version"],
    },
    Content { table: "photo_orders", erased: With(&[(Member, "member")]), personal: &["id"], impersonal: &["member"] },
    Content {
        table: "audit",
        erased: Never,
        personal: &[],
        impersonal: &[
            "seq",
            "due",
            "at",
            "uid",
            "kind",
            "action",
            "cause",
            "fields",
            "digests",
            "generation",
            "manager",
            "commit_id",
            "epoch",
        ],
    },
    Content {
        table: "audit_values",
        erased: With(&[(Member, "uid"), (Member, "about_before"), (Member, "about_after"), (Contact, "uid"), (Tenant, "tenant")]),
        personal: &["namespace", "name", "changes"],
        impersonal: &["seq", "uid", "about_before", "about_after", "tenant"],
    },
    Content { table: "touched", erased: Never, personal: &[], impersonal: &["uid"] },
];

const TOMBSTONES: Table = Table { name: "tombstones", columns: &["uid", "kind", "purged_at"], key: &["uid"] };

/// Who is erased.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gone<'u> {
    pub members: &'u [Uid],
    pub contacts: &'u [Uid],
    pub tenants: &'u [Uid],
}

/// Erases everything personal around members (M25), contacts (X4, X5) and tenants (T12): what does not go with a
/// record or a declaration. Their uids are at rest from then on.
pub async fn erase(tx: &mut Tx, gone: Gone<'_>, at: Timestamp) -> Result<(), Error> {
    let Gone { members, contacts, tenants } = gone;
    let of = |kind: Kind| move |uid: &Uid| vec![uid.as_str().into(), kind.name().into(), at.into()];
    let rest = members.iter().map(of(Kind::Member)).chain(contacts.iter().map(of(Kind::ExternalContact)));
    let rows: Vec<_> = rest.chain(tenants.iter().map(of(Kind::Tenant))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.upsert(&TOMBSTONES, rows).await?;
    for Content { table, erased, personal: _, impersonal: _ } in CONTENTS {
        let columns: &[(Whose, &str)] = match erased {
            With(columns) => columns,
            Mails | OfTenant | WithRecord | WithDeclaration | Never => &[],
        };
        for (whose, column) in columns {
            let uids = match whose {
                Member => members,
                Contact => contacts,
                Tenant => tenants,
            };
            tx.delete(table, &[column], keys(uids)).await?;
        }
    }
    for tenant in tenants {
        tx.execute(HOLDS, vec![tenant.as_str().into()]).await?;
    }
    outbox::forget(tx, members).await?;
    outbox::forget(tx, contacts).await
}

const HOLDS: &str = "DELETE FROM holds WHERE kind = 'Tenant' AND EXISTS \
     (SELECT 1 FROM tenants WHERE tenants.namespace = holds.namespace AND tenants.name = holds.name AND uid = $1)";

/// Every statement of this file that stands by itself.
pub const STATEMENTS: &[&str] = &[HOLDS];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    /// The tables of a schema and their columns, as the migrations make them.
    fn tables(database: &str) -> BTreeMap<String, Vec<String>> {
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(file).unwrap();
            let mut table = String::new();
            for line in text.lines() {
                let words: Vec<&str> = line.trim().trim_end_matches(['(', ';']).split_whitespace().collect();
                match words.as_slice() {
                    ["CREATE", "TABLE", rest @ ..] => table = rest.last().unwrap().to_string(),
                    ["ALTER", "TABLE", name, "ADD", "COLUMN", column, ..] => {
                        tables.entry(name.to_string()).or_default().push(column.to_string());
                    }
                    [first, ..] if first.starts_with(')') => table.clear(),
                    [first, _, ..] if !table.is_empty() && first.chars().all(|c| c.is_ascii_lowercase() || c == '_') => {
                        tables.entry(table.clone()).or_default().push(first.to_string());
                    }
                    _ => {}
                }
            }
        }
        tables
    }

    #[test]
    fn every_column_is_either_personal_and_erased_or_not_personal() {
        for database in ["sqlite", "postgres"] {
            let tables = tables(database);
            assert!(tables.len() > 20, "{tables:?}");
            for (table, columns) in &tables {
                let content = CONTENTS.iter().find(|content| content.table == table);
                let content = content.unwrap_or_else(|| panic!("{database}: say of `{table}` how it is erased (CONTENTS)"));
                assert_eq!(content.erased == Never, content.personal.is_empty(), "{table}: what is personal is erased");
                for column in columns {
                    let listed = content.personal.iter().chain(content.impersonal).filter(|listed| *listed == column).count();
                    assert_eq!(listed, 1, "{database}: say of `{table}.{column}` once whether it is personal (CONTENTS)");
                }
                assert_eq!(columns.len(), content.personal.len() + content.impersonal.len(), "{table}: {columns:?}");
            }
            assert_eq!(tables.len(), CONTENTS.len());
        }
    }
}
