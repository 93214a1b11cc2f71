-- The directory. Instants are microseconds UTC; identifiers are UUIDs as text.
-- The SQLite schema beside this one has the same tables and columns.

-- What the directory knows of itself: `clock` is real or rehearsal, `sends_mail` is yes or no.
CREATE TABLE directory (
    key   TEXT    NOT NULL PRIMARY KEY,
    value TEXT    NOT NULL
);

-- What is for nobody's eyes: `digest_key` keys the trail's digests.
CREATE TABLE secrets (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Who leads: one row. On SQLite a file lock protects it; on PostgreSQL the epoch fences every commit.
CREATE TABLE IF NOT EXISTS leadership (
    id         BIGINT  NOT NULL PRIMARY KEY CHECK (id = 1),
    holder     TEXT    NOT NULL,
    epoch      BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL
);
INSERT INTO leadership (id, holder, epoch, expires_at) VALUES (1, '', 0, 0) ON CONFLICT DO NOTHING;

-- Everything that people declare, accepted or not.
CREATE TABLE declarations (
    kind        TEXT    NOT NULL,
    namespace   TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    tenant      TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    spec        JSONB   NOT NULL,
    annotations JSONB   NOT NULL,
    digest      TEXT    NOT NULL,
    generation  BIGINT  NOT NULL,
    manager     TEXT,
    commit_id   TEXT,
    created_at  BIGINT  NOT NULL,
    declared_at BIGINT  NOT NULL,
    uid         TEXT,
    settled     BOOLEAN NOT NULL,
    reason      TEXT    NOT NULL,
    removal     TEXT,
    removal_at  BIGINT,
    status      JSONB   NOT NULL,
    status_digest TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
);
CREATE INDEX declarations_tenant ON declarations (namespace, tenant);
CREATE INDEX declarations_uid ON declarations (uid);
CREATE INDEX declarations_removal ON declarations (removal) WHERE removal IS NOT NULL;
CREATE INDEX declarations_pending ON declarations (namespace, tenant) WHERE removal IS NOT NULL OR reason = 'AdministratorProtected';

-- What a declaration waits for: keys whose change brings it back.
CREATE TABLE waits (
    key       TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    namespace TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    PRIMARY KEY (key, kind, namespace, name)
);
CREATE INDEX waits_handle ON waits (kind, namespace, name);

CREATE TABLE tenants (
    uid             TEXT    NOT NULL PRIMARY KEY,
    namespace       TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    display_name    TEXT    NOT NULL,
    domain          TEXT    NOT NULL,
    time_zone       TEXT    NOT NULL,
    plan            TEXT,
    profile         JSONB   NOT NULL,
    supreme_admin   TEXT,
    managed         BOOLEAN NOT NULL,
    created_at      BIGINT  NOT NULL,
    wake_at         BIGINT,
    intent          JSONB   NOT NULL,
    digest          TEXT    NOT NULL,
    generation      BIGINT  NOT NULL,
    revision        BIGINT  NOT NULL,
    former          JSONB   NOT NULL,
    phase           TEXT    NOT NULL,
    purges_from     BIGINT,
    confirmed       TEXT,
    cancelled_at    BIGINT,
    UNIQUE (namespace, name)
);
CREATE INDEX tenants_wake ON tenants (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX tenants_purging ON tenants (uid) WHERE purges_from IS NOT NULL;

CREATE TABLE organizations (
    uid           TEXT    NOT NULL PRIMARY KEY,
    tenant        TEXT    NOT NULL,
    namespace     TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    parent        TEXT,
    display_name  TEXT    NOT NULL,
    mail_id       TEXT,
    external_key  TEXT,
    profile       JSONB   NOT NULL,
    created_at    BIGINT  NOT NULL,
    wake_at       BIGINT,
    intent        JSONB   NOT NULL,
    digest        TEXT    NOT NULL,
    generation    BIGINT  NOT NULL,
    revision      BIGINT  NOT NULL,
    UNIQUE (namespace, name)
);
CREATE INDEX organizations_tenant ON organizations (tenant);
CREATE INDEX organizations_parent ON organizations (parent);

-- Members. Declared columns follow from the manifest; lived ones are what happened.
CREATE TABLE members (
    uid               TEXT    NOT NULL PRIMARY KEY,
    tenant            TEXT    NOT NULL,
    namespace         TEXT    NOT NULL,
    name              TEXT    NOT NULL,
    id                TEXT    NOT NULL,
    family_name       TEXT    NOT NULL,
    given_name        TEXT    NOT NULL,
    personal_email    TEXT,
    mobile_phone      TEXT,
    employee_number   TEXT,
    external_key      TEXT,
    language          TEXT,
    administrator     TEXT    NOT NULL,
    user_type         TEXT,
    job_level         TEXT,
    profile           JSONB   NOT NULL,
    message_id        TEXT    NOT NULL,
    contact_token     TEXT    NOT NULL,
    qr_token          TEXT    NOT NULL,
    phase             TEXT    NOT NULL,
    on_leave          JSONB,
    created_at        BIGINT  NOT NULL,
    activated_at      BIGINT,
    fired             JSONB NOT NULL,
    first_sign_in_at  BIGINT,
    suspended_at      BIGINT,
    leave_at          BIGINT,
    spent_leave       JSONB,
    deleted_at        BIGINT,
    departed          BOOLEAN NOT NULL,
    purge_at          BIGINT,
    wake_at           BIGINT,
    intent            JSONB   NOT NULL,
    digest            TEXT    NOT NULL,
    generation        BIGINT  NOT NULL,
    revision          BIGINT  NOT NULL,
    spent             JSONB   NOT NULL,
    erased            JSONB   NOT NULL,
    password_changed_at BIGINT,
    password_trouble  TEXT,
    welcome           JSONB   NOT NULL,
    account           JSONB NOT NULL,
    UNIQUE (namespace, name)
);
CREATE INDEX members_tenant ON members (tenant);
CREATE INDEX members_deleted ON members (namespace, name) WHERE deleted_at IS NOT NULL;
CREATE INDEX members_mobile_phone ON members (mobile_phone) WHERE mobile_phone IS NOT NULL;
CREATE INDEX members_qr_token ON members (qr_token);
CREATE INDEX members_wake ON members (wake_at) WHERE wake_at IS NOT NULL;

-- A member's organizations, the primary one first.
CREATE TABLE assignments (
    member                  TEXT    NOT NULL,
    ordinal                 BIGINT  NOT NULL,
    organization            TEXT    NOT NULL,
    is_primary              BOOLEAN NOT NULL,
    position                TEXT,
    leader                  BOOLEAN NOT NULL,
    private                 BOOLEAN NOT NULL,
    include_in_team_sharing BOOLEAN NOT NULL,
    revision                BIGINT,
    PRIMARY KEY (member, ordinal)
);
CREATE INDEX assignments_organization ON assignments (organization);

-- Uniqueness as a constraint. `scope` is a tenant's uid, or empty for the whole directory.
CREATE TABLE claims (
    scope  TEXT    NOT NULL,
    space  TEXT    NOT NULL,
    key    TEXT    NOT NULL,
    holder TEXT    NOT NULL,
    PRIMARY KEY (scope, space, key)
);
CREATE INDEX claims_holder ON claims (holder);

-- External contacts. `nickname`, `company` and `photo` follow the person; `sought` is a digest of what that one was found by.
CREATE TABLE contacts (
    uid            TEXT    NOT NULL PRIMARY KEY,
    tenant         TEXT    NOT NULL,
    namespace      TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    owner          TEXT    NOT NULL,
    sought         TEXT    NOT NULL,
    target         TEXT,
    severed        TEXT,
    display_name   TEXT,
    nickname       TEXT,
    company        TEXT,
    photo          BOOLEAN NOT NULL,
    classification TEXT    NOT NULL,
    profile        JSONB   NOT NULL,
    phase          TEXT    NOT NULL,
    created_at     BIGINT  NOT NULL,
    with_owner     BOOLEAN NOT NULL,
    trashed_at     BIGINT,
    purge_at       BIGINT,
    intent         JSONB   NOT NULL,
    digest         TEXT    NOT NULL,
    generation     BIGINT  NOT NULL,
    revision       BIGINT  NOT NULL,
    UNIQUE (namespace, name)
);
CREATE INDEX contacts_target ON contacts (target) WHERE target IS NOT NULL;
CREATE INDEX contacts_owner ON contacts (owner);
CREATE INDEX contacts_purge ON contacts (purge_at) WHERE purge_at IS NOT NULL;

-- Password hashes; never copied into a plan. `taken` is a keyed digest of the Secret's content last taken, or passed over, where
-- the member had a password before it was there.
CREATE TABLE credentials (
    member      TEXT    NOT NULL PRIMARY KEY,
    hash        TEXT    NOT NULL,
    must_change BOOLEAN NOT NULL,
    changed_at  BIGINT  NOT NULL,
    taken       TEXT,
    generated   BOOLEAN NOT NULL,
    passed_over BOOLEAN NOT NULL DEFAULT FALSE
);

-- Hashes of former passwords, the newest with the greatest id (T5).
CREATE TABLE password_history (
    id     TEXT NOT NULL PRIMARY KEY,
    member TEXT NOT NULL,
    hash   TEXT NOT NULL
);
CREATE INDEX password_history_member ON password_history (member, id);

-- Passwords that are to be made, or tidied up after: written with the change, carried out after it.
CREATE TABLE password_orders (
    id       TEXT    NOT NULL UNIQUE,
    member   TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    at       BIGINT  NOT NULL,
    tried_at BIGINT,
    PRIMARY KEY (member, reason)
);
CREATE INDEX password_orders_untried ON password_orders (id) WHERE tried_at IS NULL;

-- What became of a member's password, for its record: folded in by the leader.
CREATE TABLE password_facts (
    member     TEXT    NOT NULL PRIMARY KEY,
    id         TEXT    NOT NULL,
    changed_at BIGINT,
    trouble    TEXT,
    by_member  BOOLEAN NOT NULL,
    at         BIGINT  NOT NULL,
    folded     BOOLEAN NOT NULL
);
CREATE INDEX password_facts_unfolded ON password_facts (member) WHERE NOT folded;

-- Records whose uid is at rest: erased, with only dates left in the trail.
CREATE TABLE tombstones (
    uid       TEXT    NOT NULL PRIMARY KEY,
    kind      TEXT    NOT NULL,
    purged_at BIGINT  NOT NULL
);

-- Facts: written by services at any time, folded into records by the leader.
CREATE TABLE sign_ins (
    id       TEXT    NOT NULL PRIMARY KEY,
    member   TEXT    NOT NULL,
    app      TEXT    NOT NULL,
    at       BIGINT  NOT NULL,
    location TEXT,
    folded   BOOLEAN NOT NULL
);
CREATE INDEX sign_ins_member ON sign_ins (member, at);
CREATE INDEX sign_ins_unfolded ON sign_ins (member) WHERE NOT folded;

CREATE TABLE sessions (
    id        TEXT    NOT NULL PRIMARY KEY,
    member    TEXT    NOT NULL,
    app       TEXT    NOT NULL,
    opened_at BIGINT  NOT NULL,
    closed_at BIGINT,
    closed_by TEXT
);
CREATE INDEX sessions_open ON sessions (member) WHERE closed_at IS NULL;

CREATE TABLE devices (
    member      TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    app         TEXT    NOT NULL,
    app_version TEXT,
    seen_at     BIGINT  NOT NULL,
    managed     BOOLEAN NOT NULL,
    PRIMARY KEY (member, id)
);

-- What members chose for themselves: the method of the second step, the easy login, the language.
CREATE TABLE choices (
    member TEXT   NOT NULL,
    what   TEXT   NOT NULL,
    value  TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (member, what)
);

-- Orders for devices that an administrator asks for, until they are folded in.
CREATE TABLE device_requests (
    member TEXT    NOT NULL,
    device TEXT    NOT NULL,
    action TEXT    NOT NULL,
    token  TEXT    NOT NULL,
    at     BIGINT  NOT NULL,
    PRIMARY KEY (member, device, action, token)
);

-- Members of whom there is something to fold in; of an order for a device that was carried out, its id in the outbox.
CREATE TABLE news (
    id     TEXT NOT NULL PRIMARY KEY,
    member TEXT NOT NULL
);

-- Pictures, or why there is none. `version` is that of the Secret or ConfigMap on a cluster that was looked into last.
CREATE TABLE photos (
    member     TEXT   NOT NULL PRIMARY KEY,
    digest     TEXT   NOT NULL,
    media_type TEXT,
    width      BIGINT,
    height     BIGINT,
    problem    TEXT,
    missing    BOOLEAN NOT NULL,
    version    TEXT,
    content    BYTEA
);

-- Members whose picture is to be looked for: written with the change, done after it.
CREATE TABLE photo_orders (
    id     TEXT NOT NULL UNIQUE,
    member TEXT NOT NULL PRIMARY KEY
);

CREATE TABLE storage (
    member      TEXT    NOT NULL,
    product     TEXT    NOT NULL,
    bytes       BIGINT  NOT NULL,
    reported_at BIGINT  NOT NULL,
    PRIMARY KEY (member, product)
);

CREATE TABLE usage (
    member  TEXT    NOT NULL,
    day     TEXT    NOT NULL,
    service TEXT    NOT NULL,
    uses    BIGINT  NOT NULL,
    PRIMARY KEY (member, day, service)
);

CREATE TABLE rooms (
    room   TEXT    NOT NULL,
    member TEXT    NOT NULL,
    PRIMARY KEY (room, member)
);
CREATE INDEX rooms_member ON rooms (member);

-- Who accepted a contact's invitation; the last one counts.
CREATE TABLE acceptances (
    contact TEXT    NOT NULL PRIMARY KEY,
    member  TEXT    NOT NULL,
    at      BIGINT  NOT NULL,
    folded  BOOLEAN NOT NULL
);
CREATE INDEX acceptances_member ON acceptances (member);
CREATE INDEX acceptances_unfolded ON acceptances (contact) WHERE NOT folded;

-- Amounts are in the smallest unit of the currency. `told` is the revision that the tenant's status knows of.
CREATE TABLE charges (
    tenant   TEXT    NOT NULL,
    month    TEXT    NOT NULL,
    amount   BIGINT  NOT NULL,
    currency TEXT    NOT NULL,
    due_at   BIGINT  NOT NULL,
    paid_at  BIGINT,
    revision BIGINT  NOT NULL,
    told     BIGINT  NOT NULL,
    PRIMARY KEY (tenant, month)
);
CREATE INDEX charges_untold ON charges (tenant) WHERE told < revision;

-- Who asked for an account by the tenant's link. A decided one keeps nothing of the person but the uid of the member that it
-- made.
CREATE TABLE registration_requests (
    id           TEXT    NOT NULL PRIMARY KEY,
    tenant       TEXT    NOT NULL,
    family_name  TEXT    NOT NULL,
    given_name   TEXT    NOT NULL,
    wished_id    TEXT    NOT NULL,
    email        TEXT    NOT NULL,
    requested_at BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    state        TEXT    NOT NULL,
    decided_at   BIGINT,
    revision     BIGINT  NOT NULL,
    told         BIGINT  NOT NULL,
    member       TEXT
);
CREATE INDEX registration_requests_tenant ON registration_requests (tenant);
CREATE INDEX registration_requests_untold ON registration_requests (tenant) WHERE told < revision;
CREATE INDEX registration_requests_open ON registration_requests (expires_at) WHERE state = 'Open';

-- What needs a person's word.
CREATE TABLE holds (
    kind        TEXT    NOT NULL,
    namespace   TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    items       JSONB NOT NULL,
    number      BIGINT NOT NULL,
    since       BIGINT  NOT NULL,
    PRIMARY KEY (kind, namespace, name, reason)
);

-- The word that was given last: it does not count for the next that looks the same.
CREATE TABLE approvals (
    kind        TEXT    NOT NULL,
    namespace   TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    PRIMARY KEY (kind, namespace, name, reason)
);

-- Members who lost access by a declaration, for as long as that counts (T11).
CREATE TABLE access_losses (
    tenant TEXT    NOT NULL,
    member TEXT    NOT NULL,
    at     BIGINT  NOT NULL,
    PRIMARY KEY (tenant, member)
);

-- What others must do: written in the transaction of the change, taken and acknowledged by the consumer. A row that
-- is not `folded` is news to a record; one that is `held` waits for a person's word, or for the end of its batch.
-- `changed_at` is when anything of the row was last written.
CREATE TABLE outbox (
    id              TEXT    NOT NULL PRIMARY KEY,
    at              BIGINT  NOT NULL,
    uid             TEXT    NOT NULL,
    tenant          TEXT    NOT NULL,
    consumer        TEXT    NOT NULL,
    effect          TEXT    NOT NULL,
    payload         JSONB   NOT NULL,
    attempts        BIGINT  NOT NULL,
    next_at         BIGINT  NOT NULL,
    error           TEXT,
    refused_at      BIGINT,
    acknowledged_at BIGINT,
    changed_at      BIGINT  NOT NULL,
    folded          BOOLEAN NOT NULL,
    held            BOOLEAN NOT NULL
);
CREATE INDEX outbox_held ON outbox (tenant) WHERE held;
CREATE INDEX outbox_open ON outbox (consumer, next_at) WHERE acknowledged_at IS NULL;
CREATE INDEX outbox_waiting ON outbox (tenant) WHERE acknowledged_at IS NULL;
CREATE INDEX outbox_uid ON outbox (uid);
CREATE INDEX outbox_changed ON outbox (changed_at);
CREATE INDEX outbox_refused ON outbox (uid) WHERE refused_at IS NOT NULL AND acknowledged_at IS NULL;
CREATE INDEX outbox_unfolded ON outbox (uid) WHERE NOT folded;

-- Links sent by mail, each for one use; only digests of them. One that is not `folded` is news to a record.
CREATE TABLE links (
    digest     TEXT    NOT NULL PRIMARY KEY,
    member     TEXT    NOT NULL,
    purpose    TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL,
    sent_at    BIGINT,
    ended_at   BIGINT,
    used_at    BIGINT,
    folded     BOOLEAN NOT NULL
);
CREATE INDEX links_member ON links (member);
CREATE INDEX links_unfolded ON links (member) WHERE NOT folded;

-- The trail. Append-only; values and handles stand beside it, where a purge can erase them.
CREATE TABLE audit (
    seq        BIGINT  GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    due        BIGINT  NOT NULL,
    at         BIGINT  NOT NULL,
    uid        TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    cause      TEXT    NOT NULL,
    fields     JSONB   NOT NULL,
    digests    JSONB   NOT NULL,
    generation BIGINT,
    manager    TEXT,
    commit_id  TEXT,
    epoch      BIGINT  NOT NULL
);
CREATE INDEX audit_uid ON audit (uid);

CREATE TABLE audit_values (
    seq          BIGINT  NOT NULL PRIMARY KEY,
    uid          TEXT    NOT NULL,
    about_before TEXT,
    about_after  TEXT,
    namespace    TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    changes      JSONB   NOT NULL,
    tenant       TEXT    NOT NULL
);
CREATE INDEX audit_values_uid ON audit_values (uid);
CREATE INDEX audit_values_tenant ON audit_values (tenant);
CREATE INDEX audit_values_about_before ON audit_values (about_before) WHERE about_before IS NOT NULL;
CREATE INDEX audit_values_about_after ON audit_values (about_after) WHERE about_after IS NOT NULL;
CREATE INDEX audit_values_handle ON audit_values (namespace, name);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END $$;

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- Row triggers miss TRUNCATE.
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_unless_purged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM tombstones WHERE uid IN (OLD.uid, OLD.about_before, OLD.about_after, OLD.tenant)) THEN
        RAISE EXCEPTION 'values of the audit trail are erased for purged records only';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER audit_values_no_update BEFORE UPDATE ON audit_values
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_values_no_truncate BEFORE TRUNCATE ON audit_values
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_values_no_delete BEFORE DELETE ON audit_values
    FOR EACH ROW EXECUTE FUNCTION refuse_unless_purged();

-- Records that somebody changed without the engine, whose writes count `revision` up. The engine looks
-- at them again at the next visit and sets them back to what is declared.
CREATE TABLE touched (
    uid TEXT NOT NULL PRIMARY KEY
);

CREATE FUNCTION touch_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO touched (uid) VALUES (OLD.uid) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION touch_assigned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO touched (uid) VALUES (CASE WHEN TG_OP = 'INSERT' THEN NEW.member ELSE OLD.member END) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE FUNCTION touch_holder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO touched (uid) VALUES (OLD.holder) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER claims_touched AFTER UPDATE OR DELETE ON claims
    FOR EACH ROW EXECUTE FUNCTION touch_holder();
CREATE TRIGGER tenants_touched AFTER UPDATE ON tenants
    FOR EACH ROW WHEN (NEW.revision <= OLD.revision) EXECUTE FUNCTION touch_record();
CREATE TRIGGER organizations_touched AFTER UPDATE ON organizations
    FOR EACH ROW WHEN (NEW.revision <= OLD.revision) EXECUTE FUNCTION touch_record();
CREATE TRIGGER members_touched AFTER UPDATE ON members
    FOR EACH ROW WHEN (NEW.revision <= OLD.revision) EXECUTE FUNCTION touch_record();
CREATE TRIGGER contacts_touched AFTER UPDATE ON contacts
    FOR EACH ROW WHEN (NEW.revision <= OLD.revision) EXECUTE FUNCTION touch_record();
CREATE TRIGGER contacts_removed AFTER DELETE ON contacts
    FOR EACH ROW EXECUTE FUNCTION touch_record();
CREATE TRIGGER tenants_removed AFTER DELETE ON tenants
    FOR EACH ROW EXECUTE FUNCTION touch_record();
CREATE TRIGGER organizations_removed AFTER DELETE ON organizations
    FOR EACH ROW EXECUTE FUNCTION touch_record();
CREATE TRIGGER members_removed AFTER DELETE ON members
    FOR EACH ROW EXECUTE FUNCTION touch_record();
CREATE TRIGGER assignments_added AFTER INSERT ON assignments
    FOR EACH ROW WHEN (NEW.revision IS NULL) EXECUTE FUNCTION touch_assigned();
CREATE TRIGGER assignments_touched AFTER UPDATE ON assignments
    FOR EACH ROW WHEN (NEW.revision IS NULL OR NEW.revision <= OLD.revision) EXECUTE FUNCTION touch_assigned();
CREATE TRIGGER assignments_removed AFTER DELETE ON assignments
    FOR EACH ROW EXECUTE FUNCTION touch_assigned();

-- Whoever acknowledges an order for a device, the record is to know of it.
CREATE FUNCTION tell_acknowledged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO news (id, member) VALUES (NEW.id, NEW.uid) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_acknowledged AFTER UPDATE OF acknowledged_at ON outbox
    FOR EACH ROW WHEN (NEW.consumer = 'devices' AND NEW.acknowledged_at IS NOT NULL AND OLD.acknowledged_at IS NULL)
    EXECUTE FUNCTION tell_acknowledged();
