-- Rules that hold for rows of every app; later migrations put them on their own tables.

-- `updated_at` is right for every way of changing a row: ORM, update(), raw SQL.
CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.updated_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;

-- A row stays with its client for ever: sharding, row-level security and audit rest on it.
CREATE FUNCTION keep_client() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.client_id IS DISTINCT FROM OLD.client_id THEN
        RAISE EXCEPTION 'A row never moves to another client (% of %).', OLD.id, TG_TABLE_NAME
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION guard_rows(VARIADIC tables text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY tables LOOP
        EXECUTE format(
            'CREATE TRIGGER touch_updated_at BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION touch_updated_at()', one);
        IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = one::regclass AND attname = 'client_id') THEN
            EXECUTE format(
                'CREATE TRIGGER keep_client BEFORE UPDATE OF client_id ON %I FOR EACH ROW EXECUTE FUNCTION keep_client()',
                one);
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION unguard_rows(VARIADIC tables text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY tables LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS touch_updated_at ON %I', one);
        EXECUTE format('DROP TRIGGER IF EXISTS keep_client ON %I', one);
    END LOOP;
END $$;

SELECT guard_rows(
    'clinical_user', 'clinical_client', 'clinical_member', 'clinical_careteammembership', 'clinical_session',
    'clinical_attendance', 'clinical_intervention', 'clinical_sessionintervention');

-- Child and parent agree on the client: the pair is the foreign key.
ALTER TABLE clinical_attendance
    ADD CONSTRAINT clinical_attendance_session_of_client FOREIGN KEY (session_id, client_id)
        REFERENCES clinical_session (id, client_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT clinical_attendance_member_of_client FOREIGN KEY (member_id, client_id)
        REFERENCES clinical_member (id, client_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE clinical_sessionintervention
    ADD CONSTRAINT clinical_sessionintervention_session_of_client FOREIGN KEY (session_id, client_id)
        REFERENCES clinical_session (id, client_id) DEFERRABLE INITIALLY DEFERRED;

-- reverse

ALTER TABLE clinical_sessionintervention DROP CONSTRAINT clinical_sessionintervention_session_of_client;
ALTER TABLE clinical_attendance
    DROP CONSTRAINT clinical_attendance_session_of_client, DROP CONSTRAINT clinical_attendance_member_of_client;
SELECT unguard_rows(
    'clinical_user', 'clinical_client', 'clinical_member', 'clinical_careteammembership', 'clinical_session',
    'clinical_attendance', 'clinical_intervention', 'clinical_sessionintervention');
DROP FUNCTION unguard_rows(VARIADIC text[]);
DROP FUNCTION guard_rows(VARIADIC text[]);
DROP FUNCTION keep_client();
DROP FUNCTION touch_updated_at();
