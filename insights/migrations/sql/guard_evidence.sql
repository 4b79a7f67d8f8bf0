-- No source, no statement: what holds for readings, insights and their evidence whoever writes them.

SELECT guard_rows('insights_analysisrun', 'insights_sourcesummary', 'insights_insight', 'insights_review');

ALTER TABLE insights_analysisrun
    ADD CONSTRAINT insights_analysisrun_source_of_client FOREIGN KEY (source_id, client_id)
        REFERENCES transcripts_source (id, client_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE insights_sourcesummary
    ADD CONSTRAINT insights_sourcesummary_source_of_client FOREIGN KEY (source_id, client_id)
        REFERENCES transcripts_source (id, client_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE insights_insight
    ADD CONSTRAINT insights_insight_source_of_client FOREIGN KEY (source_id, client_id)
        REFERENCES transcripts_source (id, client_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT insights_insight_session_of_client FOREIGN KEY (session_id, client_id)
        REFERENCES clinical_session (id, client_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE insights_evidence
    ADD CONSTRAINT insights_evidence_insight_of_client FOREIGN KEY (insight_id, client_id)
        REFERENCES insights_insight (id, client_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE insights_review
    ADD CONSTRAINT insights_review_insight_of_client FOREIGN KEY (insight_id, client_id)
        REFERENCES insights_insight (id, client_id) DEFERRABLE INITIALLY DEFERRED;

-- A reading's client is its passage's; asked once a statement, since readings come by the thousand.
CREATE FUNCTION check_reading_client() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added JOIN transcripts_passage p ON p.id = added.passage_id
               WHERE p.client_id <> added.client_id) THEN
        RAISE EXCEPTION 'A reading belongs to the client of its passage.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_reading_client AFTER INSERT ON insights_reading
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_reading_client();

CREATE FUNCTION refuse_reading_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A reading never changes: another analyzer version adds another one.'
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER refuse_reading_update BEFORE UPDATE ON insights_reading
    FOR EACH ROW EXECUTE FUNCTION refuse_reading_update();

-- Evidence lies inside the words it quotes, in the source that its insight is about.
CREATE FUNCTION check_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    passage transcripts_passage;
    source uuid;
BEGIN
    SELECT * INTO passage FROM transcripts_passage WHERE id = NEW.passage_id;
    SELECT source_id INTO source FROM insights_insight WHERE id = NEW.insight_id;
    IF passage.id IS NULL OR source IS NULL THEN
        RAISE EXCEPTION 'Evidence needs its insight and its passage to be there first.'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF passage.client_id <> NEW.client_id OR passage.source_id <> source THEN
        RAISE EXCEPTION 'Evidence comes from the source and the client that its insight is about.'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.char_start < 0 OR NEW.char_end > char_length(passage.text) THEN
        RAISE EXCEPTION 'The span % to % lies outside the passage''s % characters.',
            NEW.char_start, NEW.char_end, char_length(passage.text) USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.quote_sha256 <> encode(sha256(convert_to(
        substr(passage.text, NEW.char_start + 1, NEW.char_end - NEW.char_start), 'UTF8')), 'hex') THEN
        RAISE EXCEPTION 'The quote hash is not that of the words in the span.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_evidence BEFORE INSERT OR UPDATE ON insights_evidence
    FOR EACH ROW EXECUTE FUNCTION check_evidence();

-- Only a draft may stand without evidence.
CREATE FUNCTION require_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'draft' THEN
        RETURN NULL;
    END IF;
    -- Locked, so that nobody takes the last one away before this is committed.
    PERFORM FROM insights_evidence WHERE insight_id = NEW.id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'An insight without evidence stays a draft: it cannot be %.', NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER require_evidence AFTER INSERT OR UPDATE OF status ON insights_insight
    FOR EACH ROW EXECUTE FUNCTION require_evidence();

-- Its evidence is of its source, so an insight stays with it.
CREATE FUNCTION keep_source() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.source_id <> OLD.source_id THEN
        RAISE EXCEPTION 'An insight never moves to another source: its evidence is in this one.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_source BEFORE UPDATE OF source_id ON insights_insight
    FOR EACH ROW EXECUTE FUNCTION keep_source();

-- Taking the last evidence away is refused too; asked at commit, so that both may go together.
CREATE FUNCTION keep_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM insights_insight i WHERE i.id = OLD.insight_id AND i.status <> 'draft'
               AND NOT EXISTS (SELECT FROM insights_evidence e WHERE e.insight_id = i.id)) THEN
        RAISE EXCEPTION 'An insight that is no draft keeps its evidence.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER keep_evidence AFTER DELETE OR UPDATE ON insights_evidence
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep_evidence();

-- reverse

DROP TRIGGER keep_evidence ON insights_evidence;
DROP FUNCTION keep_evidence();
DROP TRIGGER keep_source ON insights_insight;
DROP FUNCTION keep_source();
DROP TRIGGER require_evidence ON insights_insight;
DROP FUNCTION require_evidence();
DROP TRIGGER check_evidence ON insights_evidence;
DROP FUNCTION check_evidence();
DROP TRIGGER refuse_reading_update ON insights_reading;
DROP FUNCTION refuse_reading_update();
DROP TRIGGER check_reading_client ON insights_reading;
DROP FUNCTION check_reading_client();
ALTER TABLE insights_review DROP CONSTRAINT insights_review_insight_of_client;
ALTER TABLE insights_evidence DROP CONSTRAINT insights_evidence_insight_of_client;
ALTER TABLE insights_insight
    DROP CONSTRAINT insights_insight_source_of_client, DROP CONSTRAINT insights_insight_session_of_client;
ALTER TABLE insights_sourcesummary DROP CONSTRAINT insights_sourcesummary_source_of_client;
ALTER TABLE insights_analysisrun DROP CONSTRAINT insights_analysisrun_source_of_client;
SELECT unguard_rows('insights_analysisrun', 'insights_sourcesummary', 'insights_insight', 'insights_review');
