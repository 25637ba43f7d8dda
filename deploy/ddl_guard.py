"""The guard over the structure of the ledger: no trigger is switched off in passing.

An event trigger refuses every change of a table, trigger, rule or function of the ledger unless
the log itself says that a maintenance is open: an entry ``maintenance.begin``, not older than
four hours, that no ``maintenance.end`` follows. ``migrate`` writes both by itself. As long as
the log is empty there is nothing to guard.

It belongs to a superuser in a schema of its own, so that the owner of the tables cannot change
it. A superuser can switch it off; what is done then is found by ``verify_log``.
"""

#: Take it away: before tables change hands, or to make it anew.
GUARD_OFF = """
DROP EVENT TRIGGER IF EXISTS house_guard_change;
DROP EVENT TRIGGER IF EXISTS house_guard_drop;
"""

#: Put it there. A table or function given another name is known by its triggers.
GUARD_ON = r"""
CREATE SCHEMA IF NOT EXISTS house_guard;
REVOKE ALL ON SCHEMA house_guard FROM PUBLIC;

CREATE OR REPLACE FUNCTION house_guard.maintenance_is_open() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_regclass('public.ledger_logentry') IS NULL THEN
        RETURN true;
    END IF;
    IF NOT EXISTS (SELECT FROM public.ledger_logentry) THEN
        RETURN true;
    END IF;
    RETURN coalesce((
        SELECT e.type = 'maintenance.begin' AND e.at BETWEEN
            clock_timestamp() - interval '4 hours' AND clock_timestamp() + interval '5 minutes'
        FROM public.ledger_logentry e
        -- Said twice so that the index of the few entries that are no journals can be used.
        WHERE e.type IN ('maintenance.begin', 'maintenance.end') AND e.type <> 'ledger.journal'
        ORDER BY e.seq DESC LIMIT 1), false);
END $$;

CREATE OR REPLACE FUNCTION house_guard.refuse() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    named constant text := '(^| on | for )[^ .]+[.]ledger_';
    hit text;
BEGIN
    IF TG_EVENT = 'sql_drop' THEN
        SELECT object_identity INTO hit FROM pg_event_trigger_dropped_objects()
        WHERE object_identity ~ named AND NOT is_temporary LIMIT 1;
    ELSE
        SELECT c.object_identity INTO hit FROM pg_event_trigger_ddl_commands() c
        WHERE c.object_identity ~ named OR EXISTS (
            SELECT FROM pg_trigger t
            JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class r ON r.oid = t.tgrelid
            WHERE (p.proname ~ '^ledger_' AND c.objid IN (t.tgrelid, t.oid))
               OR (r.relname ~ '^ledger_' AND c.objid = t.tgfoid))
        LIMIT 1;
    END IF;
    IF hit IS NOT NULL AND NOT house_guard.maintenance_is_open() THEN
        RAISE EXCEPTION 'no maintenance is open: % of % is refused', TG_TAG, hit
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'manage.py maintenance begin --reason ... --person ...';
    END IF;
END $$;

CREATE EVENT TRIGGER house_guard_change ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'CREATE TRIGGER', 'ALTER TRIGGER', 'CREATE RULE', 'ALTER RULE',
        'CREATE POLICY', 'ALTER POLICY', 'CREATE FUNCTION', 'ALTER FUNCTION', 'ALTER ROUTINE',
        'CREATE PROCEDURE', 'ALTER PROCEDURE', 'CREATE VIEW', 'ALTER VIEW', 'ALTER SEQUENCE',
        'ALTER INDEX')
    EXECUTE FUNCTION house_guard.refuse();
ALTER EVENT TRIGGER house_guard_change ENABLE ALWAYS;
CREATE EVENT TRIGGER house_guard_drop ON sql_drop EXECUTE FUNCTION house_guard.refuse();
ALTER EVENT TRIGGER house_guard_drop ENABLE ALWAYS;
"""

#: Whether both are there, as they should be.
GUARD_STANDS = """
SELECT count(*) = 2 FROM pg_event_trigger t JOIN pg_proc p ON p.oid = t.evtfoid
WHERE t.evtname IN ('house_guard_change', 'house_guard_drop') AND t.evtenabled = 'A'
  AND p.pronamespace = to_regnamespace('house_guard')
"""
