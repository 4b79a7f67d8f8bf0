-- What holds for sources, speakers and passages whoever writes them.

SELECT guard_rows('transcripts_source', 'transcripts_speaker', 'transcripts_importjob');

ALTER TABLE transcripts_source
    ADD CONSTRAINT transcripts_source_session_of_client FOREIGN KEY (session_id, client_id)
        REFERENCES clinical_session (id, client_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE transcripts_speaker
    ADD CONSTRAINT transcripts_speaker_source_of_client FOREIGN KEY (source_id, client_id)
        REFERENCES transcripts_source (id, client_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT transcripts_speaker_member_of_client FOREIGN KEY (member_id, client_id)
        REFERENCES clinical_member (id, client_id) DEFERRABLE INITIALLY DEFERRED,
    -- merged within one source; the speaker it is merged into may be removed before the merged one is
    ADD CONSTRAINT transcripts_speaker_merged_in_source FOREIGN KEY (merged_into_id, source_id)
        REFERENCES transcripts_speaker (id, source_id) DEFERRABLE INITIALLY DEFERRED;
-- One composite key holds source and client of a passage together: cheaper than two plain ones.
ALTER TABLE transcripts_passage
    ADD CONSTRAINT transcripts_passage_source_of_client FOREIGN KEY (source_id, client_id)
        REFERENCES transcripts_source (id, client_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT transcripts_passage_speaker_of_source FOREIGN KEY (speaker_id, source_id)
        REFERENCES transcripts_speaker (id, source_id) DEFERRABLE INITIALLY DEFERRED;

-- Text is immutable: evidence points into it by position. A correction is a new revision of the source.
CREATE FUNCTION refuse_passage_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A passage never changes: import the corrected source as a new revision.'
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER refuse_passage_update BEFORE UPDATE ON transcripts_passage
    FOR EACH ROW EXECUTE FUNCTION refuse_passage_update();

-- reverse

DROP TRIGGER refuse_passage_update ON transcripts_passage;
DROP FUNCTION refuse_passage_update();
ALTER TABLE transcripts_passage
    DROP CONSTRAINT transcripts_passage_source_of_client, DROP CONSTRAINT transcripts_passage_speaker_of_source;
ALTER TABLE transcripts_speaker
    DROP CONSTRAINT transcripts_speaker_source_of_client, DROP CONSTRAINT transcripts_speaker_member_of_client,
    DROP CONSTRAINT transcripts_speaker_merged_in_source;
ALTER TABLE transcripts_source DROP CONSTRAINT transcripts_source_session_of_client;
SELECT unguard_rows('transcripts_source', 'transcripts_speaker', 'transcripts_importjob');
