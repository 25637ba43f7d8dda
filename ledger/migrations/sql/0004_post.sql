-- Posting, 3: the one door into the books.
-- Keep what was refused by the state of the books, so that the same id is refused for ever.
-- Other answers are passed over: they are given again from what the books hold.
CREATE FUNCTION ledger_keep_refusals(
    journal_ids uuid[], codes text[], hashes bytea[], refused_at timestamptz)
RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
INSERT INTO public.ledger_refusedid (id, code, request_hash, refused_at)
SELECT f.id, f.code, f.hash, refused_at FROM unnest(journal_ids, codes, hashes)
    AS f (id, code, hash)
WHERE f.code IN ('pending_not_found', 'pending_other_accounts', 'pending_already_resolved',
        'exceeds_pending', 'void_not_whole', 'not_expired_yet', 'insufficient_funds')
    AND NOT EXISTS (SELECT FROM public.ledger_journal j WHERE j.id = f.id OFFSET 0)
ORDER BY f.id  -- as everywhere: in one order, so that nobody waits in a ring
ON CONFLICT (id) DO NOTHING
$$;
-- Book a list of journals, each standing or falling for itself, and answer item by item.
--
-- Columns by journal: id, place of its first transfer, kind, effective moment, approvals and
-- references (canonical JSON). Columns by transfer: place of its journal, id, places of its
-- accounts among those named, amount, code, hold resolved, expiry, reason.
-- Answers: the place in the order of booking of each journal booked now; and of each journal
-- not booked now its place in the list, why, the transfer concerned, the place of the one that
-- exists already, and the digest of the request.
CREATE FUNCTION ledger_post(
    log text, actor text, recorded_at timestamptz, whole boolean, keep boolean,
    account_codes text[], account_programmes text[], account_subjects text[],
    journal_ids uuid[], firsts int[], kinds text[], moments timestamptz[],
    approvals text[], refs text[],
    places int[], transfer_ids uuid[], debits int[], credits int[], amounts bigint[],
    codes smallint[], pending_ids uuid[], expiries timestamptz[], reasons text[],
    OUT seqs bigint[], OUT fault_places int[], OUT fault_codes text[],
    OUT fault_ordinals int[], OUT fault_seqs bigint[], OUT fault_hashes bytea[])
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
SET work_mem = '64MB'
AS $$
DECLARE
    tries CONSTANT int := 3;
    journals CONSTANT int := cardinality(journal_ids);
    transfers CONSTANT int := cardinality(transfer_ids);
    names text[];       -- canonical form of each account
    heads text[];       -- canonical form of each journal, up to its place in the books
    tails text[];       -- and after it
    hashes bytea[];
    account_ids bigint[];
    units text[];
    deferred boolean[];
    actor_object CONSTANT jsonb := actor::jsonb;
    opening text;
    closing text;
BEGIN
    -- What no honest caller sends. The rest is held by the CHECKs of the tables.
    IF EXISTS (
        SELECT FROM (
            SELECT DISTINCT codes[x] AS code, account_codes[debits[x]] AS debit,
                account_codes[credits[x]] AS credit,
                account_programmes[debits[x]] = account_programmes[credits[x]] AS one_programme,
                amounts[x] <= 1000000000000000000
                AND (expiries[x] IS NULL OR codes[x] = 300)
                AND (pending_ids[x] IS NOT NULL) = (codes[x] IN (310, 320, 330))
                AND CASE firsts[places[x]] WHEN x THEN places[x] = coalesce(places[x - 1], 0) + 1
                    ELSE places[x] = places[x - 1] END AS shaped
            FROM generate_series(1, transfers) AS x) d
        WHERE shaped IS NOT TRUE OR (d.code, d.debit, d.credit) NOT IN (
                SELECT r.code, r.debit, r.credit FROM public.ledger_routes() r)
            OR NOT (one_programme OR left(d.debit, 1) IN ('C', 'S'))
    ) OR places[transfers] IS DISTINCT FROM journals OR left(actor, 1) <> '{' OR EXISTS (
        SELECT FROM generate_series(1, journals) AS x
        WHERE left(refs[x], 1) <> '{' OR left(approvals[x], 1) <> '['
    ) THEN
        RAISE EXCEPTION 'a journal has not the shape of a journal'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    opening := '{"actor":' || actor || ',"at":"' || public.ledger_moment(recorded_at)
        || '","auth":null,"body":';
    closing := ',"links":[],"log":' || to_json(log)
        || ',"pii":{},"type":"ledger.journal","v":"1"}';
    names := ARRAY(
        SELECT '["' || k.code || '",' || to_json(k.programme) || ',' || to_json(k.subject) || ']'
        FROM unnest(account_codes, account_programmes, account_subjects) WITH ORDINALITY
            AS k (code, programme, subject, place)
        ORDER BY k.place);
    heads := ARRAY(
        SELECT '{"approvals":' || approvals[x] || ',"effective_at":"'
            || public.ledger_moment(moments[x]) || '","journal":"' || journal_ids[x]
            || '","kind":' || to_json(kinds[x]) || ',"refs":' || refs[x]
        FROM generate_series(1, journals) AS x);
    FOR try IN 1..tries LOOP
        BEGIN
            SELECT o.ids, o.units, o.deferred INTO account_ids, units, deferred
            FROM public.ledger_open_accounts(
                account_codes, account_programmes, account_subjects, recorded_at) o;
            tails := ARRAY(
                SELECT ',"transfers":[' || string_agg(
                    '{"amount":"' || amounts[x] || '","code":"' || codes[x]
                    || '","credit":' || names[credits[x]] || ',"debit":' || names[debits[x]]
                    || CASE WHEN expiries[x] IS NULL THEN ''
                        ELSE ',"expires_at":"' || public.ledger_moment(expiries[x]) || '"' END
                    || ',"id":"' || transfer_ids[x]
                    || CASE WHEN pending_ids[x] IS NULL THEN ''
                        ELSE '","pending_id":"' || pending_ids[x] END
                    || '","phase":"' || public.ledger_phase(codes[x])
                    || CASE reasons[x] WHEN '' THEN '"' ELSE '","reason":' || to_json(reasons[x]) END
                    || ',"unit":"' || units[debits[x]] || '"}', ',' ORDER BY x) || ']}'
                FROM generate_series(1, transfers) AS x GROUP BY places[x] ORDER BY places[x]);
            hashes := ARRAY(
                SELECT sha256(convert_to(heads[x] || tails[x], 'UTF8'))
                FROM generate_series(1, journals) AS x);
            SELECT * INTO seqs, fault_places, fault_codes, fault_ordinals, fault_seqs
            FROM public.ledger_judge(
                account_ids, public.ledger_lock_accounts(account_ids, deferred, debits),
                journal_ids, firsts, moments, hashes, transfer_ids, debits, credits, amounts,
                codes, pending_ids, expiries);
            IF whole AND fault_places IS NOT NULL THEN
                RAISE SQLSTATE 'LG001';  -- also the accounts opened a moment ago go again
            END IF;

            INSERT INTO public.ledger_journal (seq, id, kind, effective_at, recorded_at, actor,
                approvals, refs, request_hash)
            SELECT seqs[x], journal_ids[x], kinds[x], moments[x], recorded_at, actor_object,
                approvals[x]::jsonb, refs[x]::jsonb, hashes[x]
            FROM generate_series(1, journals) AS x WHERE seqs[x] IS NOT NULL;
            INSERT INTO public.ledger_transfer (journal_id, ordinal, id, debit_id, credit_id,
                amount, code, phase, pending_id, expires_at, reason)
            SELECT seqs[places[x]], x - firsts[places[x]], transfer_ids[x],
                account_ids[debits[x]], account_ids[credits[x]], amounts[x], codes[x],
                public.ledger_phase(codes[x]), pending_ids[x], expiries[x], reasons[x]
            FROM generate_series(1, transfers) AS x WHERE seqs[places[x]] IS NOT NULL;
            INSERT INTO public.ledger_logentry (type, at, journal_seq, id, body)
            SELECT 'ledger.journal', recorded_at, seqs[x], journal_ids[x], convert_to(
                opening || heads[x] || ',"seq":"' || seqs[x] || '"' || tails[x]
                || ',"id":"' || journal_ids[x] || '"' || closing, 'UTF8')
            FROM generate_series(1, journals) AS x WHERE seqs[x] IS NOT NULL;
            EXIT;
        EXCEPTION
            WHEN SQLSTATE 'LG001' THEN
                seqs := array_fill(NULL::bigint, ARRAY[journals]);
                EXIT;
            WHEN unique_violation THEN
                -- Somebody booked one of these ids while we did; now it is there to be found.
                IF try = tries THEN
                    RAISE;
                END IF;
        END;
    END LOOP;

    fault_hashes := ARRAY(
        SELECT hashes[f.place] FROM unnest(fault_places) WITH ORDINALITY AS f (place, number)
        ORDER BY f.number);
    IF keep AND fault_places IS NOT NULL THEN
        PERFORM public.ledger_keep_refusals(
            ARRAY(SELECT journal_ids[f.place] FROM unnest(fault_places) WITH ORDINALITY
                AS f (place, number) ORDER BY f.number),
            fault_codes, fault_hashes, recorded_at);
    END IF;
END $$;
