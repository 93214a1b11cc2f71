//! What is frozen, as SQL sees it (R14): by the annotations of what is declared. For the queries that look for something
//! to do.

/// SQL that holds where a member `m` of a tenant `t`, or that tenant, is frozen.
macro_rules! member_is_frozen {
    () => {
        "(EXISTS (SELECT 1 FROM declarations f WHERE f.kind = 'Member' AND f.namespace = m.namespace AND f.name = m.name \
         AND CAST(f.annotations AS TEXT) LIKE '%\"rollcall.dev/frozen\":%') \
         OR EXISTS (SELECT 1 FROM declarations f WHERE f.kind = 'Tenant' AND f.namespace = t.namespace AND f.name = t.name \
         AND CAST(f.annotations AS TEXT) LIKE '%\"rollcall.dev/frozen\":%'))"
    };
}
pub(super) use member_is_frozen;

/// SQL that holds where a tenant `t` is frozen.
macro_rules! tenant_is_frozen {
    () => {
        "EXISTS (SELECT 1 FROM declarations f WHERE f.kind = 'Tenant' AND f.namespace = t.namespace AND f.name = t.name \
         AND CAST(f.annotations AS TEXT) LIKE '%\"rollcall.dev/frozen\":%')"
    };
}
pub(super) use tenant_is_frozen;

/// SQL that holds where a declaration `d`, or its tenant, is frozen.
macro_rules! declared_is_frozen {
    () => {
        "(CAST(d.annotations AS TEXT) LIKE '%\"rollcall.dev/frozen\":%' \
         OR EXISTS (SELECT 1 FROM declarations f WHERE f.kind = 'Tenant' AND f.namespace = d.namespace AND f.name = d.tenant \
         AND CAST(f.annotations AS TEXT) LIKE '%\"rollcall.dev/frozen\":%'))"
    };
}
pub(super) use declared_is_frozen;
