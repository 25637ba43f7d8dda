"""What nobody may do alone, held by the database (reliability 3, rules 1 to 5 and 10).

- one natural person sits on one side of the table: bureau, provider or enterprise (``tenure``);
- a group of the bureau is entered with a confirmed grant only, and platform or audit stand alone;
- a grant, a delegation, an invitation move on as they may, and nothing of them is rewritten;
- what is delegated is held by role, by somebody else's natural person, for a month at most;
- the natural person behind an account is never changed once known.

The first platform and the first approver of a house are founded; after that it takes two. The
owner of the tables may do more: whoever changes the structure could anyway.
"""

from django.db import migrations

GUARDS = """
CREATE FUNCTION config_is_owner() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT current_user = (SELECT pg_get_userbyid(c.relowner) FROM pg_class c
                           WHERE c.oid = 'config_user'::regclass)
        OR (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
$$;

CREATE FUNCTION config_sits_in(p_person text, p_realm text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT CASE p_realm
        WHEN 'bureau' THEN EXISTS (
            SELECT 1 FROM config_user_groups g JOIN config_user u ON u.id = g.user_id
            WHERE u.person_hash = p_person)
        WHEN 'provider' THEN EXISTS (
            SELECT 1 FROM providers_providerseat s JOIN config_user u ON u.id = s.user_id
            WHERE u.person_hash = p_person AND s.active)
        WHEN 'enterprise' THEN EXISTS (
            SELECT 1 FROM vouchers_enterpriseseat s JOIN config_user u ON u.id = s.user_id
            WHERE u.person_hash = p_person AND s.active)
    END
$$;

CREATE FUNCTION config_keep_tenure() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    who text;
    side text := TG_ARGV[0];
    other text;
BEGIN
    SELECT u.person_hash INTO who FROM config_user u
    WHERE u.id = CASE WHEN TG_OP = 'DELETE' THEN OLD.user_id ELSE NEW.user_id END;
    IF coalesce(who, '') = '' THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('tenure:' || who, 0));
    IF NOT config_sits_in(who, side) THEN
        UPDATE config_tenure SET ended_at = now()
        WHERE person = who AND realm = side AND ended_at IS NULL;
        RETURN NULL;
    END IF;
    FOREACH other IN ARRAY ARRAY['bureau', 'provider', 'enterprise'] LOOP
        IF other <> side AND config_sits_in(who, other) THEN
            RAISE EXCEPTION 'one natural person in two realms: % and %', other, side
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END LOOP;
    IF NOT EXISTS (SELECT 1 FROM config_tenure t
                   WHERE t.person = who AND t.realm = side AND t.ended_at IS NULL) THEN
        INSERT INTO config_tenure (person, realm, began_at) VALUES (who, side, now());
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION config_guard_group() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    role_name text;
    alone text[] := ARRAY['platform', 'auditor'];
BEGIN
    SELECT g.name INTO role_name FROM auth_group g WHERE g.id = NEW.group_id;
    IF EXISTS (
        SELECT 1 FROM config_user_groups x
        JOIN config_user u ON u.id = x.user_id JOIN auth_group g ON g.id = x.group_id
        WHERE u.person_hash = (SELECT person_hash FROM config_user WHERE id = NEW.user_id)
          AND u.person_hash <> '' AND g.name <> role_name
          AND (g.name = ANY (alone) OR role_name = ANY (alone))
    ) THEN
        RAISE EXCEPTION 'platform and audit stand alone: % beside another role', role_name
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF config_is_owner() THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM config_rolegrant r
        WHERE r.user_id = NEW.user_id AND r.role = role_name
          AND r.confirmed_at IS NOT NULL AND r.ended_at IS NULL
    ) THEN
        RAISE EXCEPTION 'no confirmed grant of % to %', role_name, NEW.user_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION config_guard_grant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- The first platform and the first approver of a new house; then it takes two.
        IF NEW.founding AND NOT config_is_owner() AND (
            NEW.role NOT IN ('platform', 'approver')
            OR EXISTS (SELECT 1 FROM config_rolegrant r WHERE r.role = NEW.role)
        ) THEN
            RAISE EXCEPTION 'a house is founded once'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF NOT NEW.founding AND NEW.confirmed_at IS NOT NULL THEN
            RAISE EXCEPTION 'a grant is proposed first'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR NEW.id <> OLD.id OR NEW.user_id <> OLD.user_id
       OR NEW.person <> OLD.person OR NEW.role <> OLD.role OR NEW.founding <> OLD.founding
       OR NEW.proposed_by_person <> OLD.proposed_by_person
       OR NEW.proposed_at <> OLD.proposed_at OR OLD.ended_at IS NOT NULL
       OR (OLD.confirmed_at IS NOT NULL AND (
            NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at
            OR NEW.confirmed_by_person <> OLD.confirmed_by_person)) THEN
        RAISE EXCEPTION 'a grant is confirmed once and ended once'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION config_guard_delegation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    giver_person text;
    taker_person text;
BEGIN
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND (
        OLD.ended_at IS NOT NULL OR NEW.id <> OLD.id OR NEW.giver_id <> OLD.giver_id
        OR NEW.taker_id <> OLD.taker_id OR NEW."right" <> OLD."right"
        OR NEW.begins_at <> OLD.begins_at OR NEW.until <> OLD.until)) THEN
        RAISE EXCEPTION 'a delegation is only ended, once'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        RETURN NEW;
    END IF;
    SELECT u.person_hash INTO giver_person FROM config_user u WHERE u.id = NEW.giver_id;
    SELECT u.person_hash INTO taker_person FROM config_user u WHERE u.id = NEW.taker_id;
    IF giver_person = taker_person THEN
        RAISE EXCEPTION 'nobody delegates to themselves'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.until > NEW.begins_at + interval '31 days' THEN
        RAISE EXCEPTION 'a delegation lasts a month at most'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM config_user_groups x
        JOIN auth_group_permissions gp ON gp.group_id = x.group_id
        JOIN auth_permission p ON p.id = gp.permission_id
        JOIN django_content_type c ON c.id = p.content_type_id
        WHERE x.user_id = NEW.giver_id AND c.app_label || '.' || p.codename = NEW."right"
    ) THEN
        RAISE EXCEPTION 'only what is held by role can be delegated: %', NEW."right"
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM config_user_groups x JOIN auth_group g ON g.id = x.group_id
        WHERE x.user_id = NEW.taker_id AND g.name NOT IN ('platform', 'auditor')
    ) THEN
        RAISE EXCEPTION 'the taker is no officer'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION config_guard_invitation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.accepted_at IS NOT NULL OR OLD.withdrawn_at IS NOT NULL
       OR NEW.id <> OLD.id OR NEW.digest <> OLD.digest OR NEW.realm <> OLD.realm
       OR NEW.organisation IS DISTINCT FROM OLD.organisation OR NEW.role <> OLD.role
       OR NEW.may_submit <> OLD.may_submit OR NEW.expires_at <> OLD.expires_at
       OR NEW.invited_by_id <> OLD.invited_by_id THEN
        RAISE EXCEPTION 'an invitation is used or withdrawn, once'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.accepted_at >= OLD.expires_at THEN
        RAISE EXCEPTION 'the invitation has expired'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION config_guard_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.person_hash <> '' AND NEW.person_hash <> OLD.person_hash THEN
        RAISE EXCEPTION 'the natural person behind an account does not change'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER keep_tenure AFTER INSERT OR UPDATE OR DELETE ON config_user_groups
    FOR EACH ROW EXECUTE FUNCTION config_keep_tenure('bureau');
CREATE TRIGGER keep_tenure AFTER INSERT OR UPDATE OR DELETE ON providers_providerseat
    FOR EACH ROW EXECUTE FUNCTION config_keep_tenure('provider');
CREATE TRIGGER keep_tenure AFTER INSERT OR UPDATE OR DELETE ON vouchers_enterpriseseat
    FOR EACH ROW EXECUTE FUNCTION config_keep_tenure('enterprise');
CREATE TRIGGER guard_group BEFORE INSERT OR UPDATE ON config_user_groups
    FOR EACH ROW EXECUTE FUNCTION config_guard_group();
CREATE TRIGGER guard_grant BEFORE INSERT OR UPDATE OR DELETE ON config_rolegrant
    FOR EACH ROW EXECUTE FUNCTION config_guard_grant();
CREATE TRIGGER guard_delegation BEFORE INSERT OR UPDATE OR DELETE ON config_delegation
    FOR EACH ROW EXECUTE FUNCTION config_guard_delegation();
CREATE TRIGGER guard_invitation BEFORE UPDATE OR DELETE ON config_invitation
    FOR EACH ROW EXECUTE FUNCTION config_guard_invitation();
CREATE TRIGGER guard_person BEFORE UPDATE OF person_hash ON config_user
    FOR EACH ROW EXECUTE FUNCTION config_guard_person();

-- People who sit somewhere when this house learns to remember it.
INSERT INTO config_tenure (person, realm, began_at)
SELECT DISTINCT ON (u.person_hash) u.person_hash, side.realm, now()
FROM config_user u CROSS JOIN (VALUES ('bureau'), ('provider'), ('enterprise')) AS side (realm)
WHERE u.person_hash <> '' AND config_sits_in(u.person_hash, side.realm)
ORDER BY u.person_hash, side.realm;
INSERT INTO config_rolegrant (id, user_id, person, role, reason, founding, proposed_at,
    proposed_by_name, proposed_by_person, proposed_by_role, confirmed_at, confirmed_by_name,
    confirmed_by_person, confirmed_by_role, ended_by_name)
SELECT gen_random_uuid(), u.id, u.person_hash, g.name, '启用两人授权之前已有的角色', true, now(),
    '系统', 'system', 'system', now(), '系统', 'system', 'system', ''
FROM config_user_groups x
JOIN config_user u ON u.id = x.user_id JOIN auth_group g ON g.id = x.group_id;
"""

DROP = """
DROP FUNCTION config_guard_person, config_guard_invitation, config_guard_delegation,
    config_guard_grant, config_guard_group, config_keep_tenure, config_sits_in,
    config_is_owner CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0005_appeal"),
        ("vouchers", "0001_initial"),
        ("providers", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunSQL(GUARDS, DROP)]
