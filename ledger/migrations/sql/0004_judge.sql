-- Posting, 2: accounts opened and locked, and journals judged one after the other.
-- The accounts named, opened where they are not yet open: their ids, their units, and which of
-- them have a limit but no balance row.
CREATE FUNCTION ledger_open_accounts(
    codes text[], programmes text[], subjects text[], opened_at timestamptz,
    OUT ids bigint[], OUT units text[], OUT deferred boolean[])
LANGUAGE plpgsql AS $$
BEGIN
    FOR attempt IN 1..2 LOOP
        SELECT array_agg(a.id ORDER BY k.place), array_agg(a.unit ORDER BY k.place),
            array_agg(a.limited AND NOT a.sync ORDER BY k.place)
        INTO ids, units, deferred
        FROM unnest(codes, programmes, subjects) WITH ORDINALITY
            AS k (code, programme, subject, place)
        LEFT JOIN public.ledger_account a ON a.code = k.code AND a.programme = k.programme
            AND a.subject = k.subject;
        EXIT WHEN array_position(ids, NULL) IS NULL;
        -- In one order, so that two postings which open the same never wait in a ring.
        INSERT INTO public.ledger_account
            (code, programme, subject, unit, limited, sync, opened_at)
        SELECT k.code, k.programme, k.subject, c.unit, c.limited, c.sync,
            ledger_open_accounts.opened_at
        FROM unnest(ids, codes, programmes, subjects) AS k (id, code, programme, subject)
        JOIN public.ledger_pools() c ON c.code = k.code
        WHERE k.id IS NULL
        ORDER BY k.code, k.programme, k.subject
        ON CONFLICT (code, programme, subject) DO NOTHING;
    END LOOP;
    IF array_position(ids, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'account % is not in the chart', codes[array_position(ids, NULL)]
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;

-- What may be taken out of each account, locked until the end of the transaction; NULL where
-- there is no limit or nothing is taken. Locks go by account id: balance rows, then accounts.
CREATE FUNCTION ledger_lock_accounts(account_ids bigint[], deferred boolean[], debits int[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    available bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(account_ids)]);
    summed int[];
    one record;
    place int;
BEGIN
    FOR one IN
        SELECT k.place, b.limited, b.credits_posted - b.debits_posted - b.debits_pending AS rest
        FROM unnest(account_ids) WITH ORDINALITY AS k (id, place)
        JOIN public.ledger_accountbalance b ON b.account_id = k.id
        ORDER BY b.account_id
        FOR NO KEY UPDATE OF b
    LOOP
        IF one.limited THEN
            available[one.place] := one.rest;
        END IF;
    END LOOP;

    summed := ARRAY(
        SELECT DISTINCT debits[x] FROM generate_series(1, cardinality(debits)) AS x
        WHERE deferred[debits[x]]);
    PERFORM FROM unnest(summed) AS k (place)
        JOIN public.ledger_account a ON a.id = account_ids[k.place]
        ORDER BY a.id
        FOR NO KEY UPDATE OF a;
    -- In statements of their own, which see what was committed while we waited for the locks.
    FOREACH place IN ARRAY summed LOOP
        available[place] := public.ledger_deferred_available(account_ids[place]);
    END LOOP;
    RETURN available;
END $$;
-- Judge journals one after the other, each transfer in turn, and give those allowed their
-- place in the order of booking. Reads, but writes nothing. One journal or ten thousand: the
-- same loop, so that a set is answered as its items one at a time would be.
CREATE FUNCTION ledger_judge(
    account_ids bigint[], available bigint[],
    journal_ids uuid[], firsts int[], moments timestamptz[], hashes bytea[],
    transfer_ids uuid[], debits int[], credits int[], amounts bigint[], codes smallint[],
    pending_ids uuid[], expiries timestamptz[],
    OUT seqs bigint[], OUT fault_places int[], OUT fault_codes text[],
    OUT fault_ordinals int[], OUT fault_seqs bigint[])
LANGUAGE plpgsql AS $$
DECLARE
    journals int := cardinality(journal_ids);
    transfers int := cardinality(transfer_ids);
    safe boolean := public.ledger_safe_mode();
    -- What an id answered before, in this set or ever; a refused one has no place.
    known_hashes bytea[];
    known_seqs bigint[];
    twins int[];        -- first journal of the same id, where the set repeats one
    taken boolean[];    -- transfer ids in the books
    doubles int[];      -- first transfer of the same id, where the set repeats one
    slots int[];        -- where the hold that a transfer makes or resolves is kept below
    hold_debits bigint[];
    hold_credits bigint[];
    hold_amounts bigint[];
    hold_expiries timestamptz[];
    hold_resolved boolean[];
    one record;
    faults int := 0;
    twin int;
    first int;
    final int;
    walk int;
    step int;
    slot int;
    spot int;           -- the transfer in which the fault lies
    code smallint;
    amount bigint;
    fault text;
BEGIN
    IF (SELECT count(*) FROM (SELECT DISTINCT id FROM unnest(journal_ids) AS id) d) < journals
    THEN
        twins := ARRAY(SELECT min(k.place) OVER (PARTITION BY k.id)
            FROM unnest(journal_ids) WITH ORDINALITY AS k (id, place) ORDER BY k.place);
    END IF;
    IF (SELECT count(*) FROM (SELECT DISTINCT id FROM unnest(transfer_ids) AS id) d) < transfers
    THEN
        doubles := ARRAY(SELECT min(k.spot) OVER (PARTITION BY k.id)
            FROM unnest(transfer_ids) WITH ORDINALITY AS k (id, spot) ORDER BY k.spot);
    END IF;
    FOR one IN
        SELECT k.place, j.request_hash, j.seq
        FROM unnest(journal_ids) WITH ORDINALITY AS k (id, place)
        JOIN public.ledger_journal j ON j.id = k.id
        UNION ALL
        SELECT k.place, r.request_hash, NULL
        FROM unnest(journal_ids) WITH ORDINALITY AS k (id, place)
        JOIN public.ledger_refusedid r ON r.id = k.id
    LOOP
        known_hashes[one.place] := one.request_hash;
        known_seqs[one.place] := one.seq;
    END LOOP;
    FOR one IN
        SELECT k.spot FROM unnest(transfer_ids) WITH ORDINALITY AS k (id, spot)
        JOIN public.ledger_transfer t ON t.id = k.id
    LOOP
        taken[one.spot] := true;
    END LOOP;
    IF EXISTS (SELECT FROM unnest(pending_ids) AS id WHERE id IS NOT NULL) THEN
        FOR one IN
            SELECT s.spot, min(s.spot) FILTER (WHERE s.resolves) OVER (PARTITION BY s.id) AS slot
            FROM (
                SELECT x AS spot, coalesce(pending_ids[x], transfer_ids[x]) AS id,
                    pending_ids[x] IS NOT NULL AS resolves
                FROM generate_series(1, transfers) AS x
                WHERE pending_ids[x] IS NOT NULL OR codes[x] = 300) s
        LOOP
            slots[one.spot] := one.slot;
        END LOOP;
        FOR one IN
            SELECT x AS slot, h.debit_id, h.credit_id, h.amount, h.expires_at, EXISTS (
                SELECT FROM public.ledger_transfer r
                WHERE r.pending_id = h.id AND r.phase IN ('post', 'void')) AS resolved
            FROM generate_series(1, transfers) AS x
            JOIN public.ledger_transfer h ON h.id = pending_ids[x]
            WHERE slots[x] = x AND h.phase = 'pending'
        LOOP
            hold_debits[one.slot] := one.debit_id;
            hold_credits[one.slot] := one.credit_id;
            hold_amounts[one.slot] := one.amount;
            hold_expiries[one.slot] := one.expires_at;
            hold_resolved[one.slot] := one.resolved;
        END LOOP;
    END IF;

    -- Nothing known, nothing repeated, no hold resolved, and from no account more taken than lay
    -- in it at the start: then no transfer can fail, whatever the others bring.
    IF known_hashes IS NULL AND twins IS NULL AND taken IS NULL AND doubles IS NULL
        AND slots IS NULL AND NOT safe AND NOT EXISTS (
            SELECT FROM generate_series(1, transfers) AS x
            WHERE available[debits[x]] IS NOT NULL
            GROUP BY debits[x]
            HAVING sum(amounts[x]) > available[debits[x]])
    THEN
        seqs := ARRAY(SELECT nextval('public.ledger_journal_seq_seq')
            FROM generate_series(1, journals));
        RETURN;
    END IF;

    seqs := array_fill(NULL::bigint, ARRAY[journals]);
    FOR place IN 1..journals LOOP
        twin := coalesce(twins[place], place);
        first := firsts[place];
        final := coalesce(firsts[place + 1] - 1, transfers);
        fault := NULL;
        spot := NULL;
        IF known_hashes[twin] IS NOT NULL THEN
            fault := CASE WHEN known_hashes[twin] <> hashes[place] THEN 'id_reused'
                WHEN known_seqs[twin] IS NULL THEN 'id_already_refused' ELSE 'exists' END;
        ELSIF safe THEN
            spot := (SELECT min(x) FROM generate_series(first, final) AS x
                WHERE codes[x] IN (310, 340, 400, 420));
            fault := CASE WHEN spot IS NOT NULL THEN 'safe_mode' END;
        END IF;

        IF fault IS NULL THEN
            -- Forward from transfer to transfer; at the first fault back again, undoing each.
            step := 1;
            walk := first;
            WHILE walk BETWEEN first AND final LOOP
                code := codes[walk];
                amount := amounts[walk];
                slot := slots[walk];
                IF step > 0 THEN
                    IF taken[coalesce(doubles[walk], walk)] THEN
                        fault := 'transfer_id_taken';
                    ELSIF pending_ids[walk] IS NOT NULL THEN
                        fault := CASE
                            WHEN hold_amounts[slot] IS NULL THEN 'pending_not_found'
                            WHEN hold_debits[slot] <> account_ids[debits[walk]]
                                OR hold_credits[slot] <> account_ids[credits[walk]]
                                THEN 'pending_other_accounts'
                            WHEN hold_resolved[slot] THEN 'pending_already_resolved'
                            WHEN code = 310 THEN
                                CASE WHEN amount > hold_amounts[slot] THEN 'exceeds_pending' END
                            WHEN amount <> hold_amounts[slot] THEN 'void_not_whole'
                            WHEN code = 330 AND moments[place] >= hold_expiries[slot] IS NOT TRUE
                                THEN 'not_expired_yet' END;
                    ELSIF amount > available[debits[walk]] THEN
                        fault := 'insufficient_funds';
                    END IF;
                    IF fault IS NOT NULL THEN
                        spot := walk;
                        walk := walk - 1;
                        step := -1;
                        CONTINUE;
                    END IF;
                END IF;
                IF pending_ids[walk] IS NOT NULL THEN
                    hold_resolved[slot] := step > 0;
                    available[debits[walk]] := available[debits[walk]] + step * hold_amounts[slot];
                END IF;
                IF code NOT IN (320, 330) THEN
                    available[debits[walk]] := available[debits[walk]] - step * amount;
                END IF;
                IF code NOT IN (300, 320, 330) THEN
                    available[credits[walk]] := available[credits[walk]] + step * amount;
                END IF;
                IF code = 300 AND slot IS NOT NULL THEN
                    hold_debits[slot] := account_ids[debits[walk]];
                    hold_credits[slot] := account_ids[credits[walk]];
                    hold_amounts[slot] := CASE WHEN step > 0 THEN amount END;
                    hold_expiries[slot] := expiries[walk];
                    hold_resolved[slot] := false;
                END IF;
                IF doubles IS NOT NULL THEN
                    taken[doubles[walk]] := step > 0;
                END IF;
                walk := walk + step;
            END LOOP;
            IF fault IS NULL THEN
                seqs[place] := nextval('public.ledger_journal_seq_seq');
            END IF;
            IF twins IS NOT NULL AND fault IS DISTINCT FROM 'transfer_id_taken' THEN
                known_hashes[twin] := hashes[place];
                known_seqs[twin] := seqs[place];
            END IF;
        END IF;

        IF fault IS NOT NULL THEN
            faults := faults + 1;
            fault_places[faults] := place;
            fault_codes[faults] := fault;
            fault_ordinals[faults] := spot - first;
            fault_seqs[faults] := CASE fault WHEN 'exists' THEN known_seqs[twin] END;
        END IF;
    END LOOP;
END $$;
