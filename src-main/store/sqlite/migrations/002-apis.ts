/**
 * What the served APIs and the connectors to remote systems keep.
 * Times are milliseconds since 1970 (UTC); JSON columns hold text.
 */
export const sql = /* sql */ `
-- Answers of writes that came with an Idempotency-Key, for a day: the same again gets the same answer.
create table api_answers (
  scope text not null, -- which API, and whose key
  key text not null,
  payload text not null, -- SHA-256 of what was asked
  answer text, -- JSON; null once what it told of was purged
  -- interaction_id of what the answer shows in full.
  about text,
  at integer not null,
  primary key (scope, key)
) strict, without rowid;
create index api_answers_by_time on api_answers (at);
create index api_answers_by_interaction on api_answers (about) where about is not null;

-- Served: requests and refusals of each day, the last refusals, when a key was last used.
create table api_days (
  day text not null, -- YYYY-MM-DD, local
  api text not null,
  requests integer not null,
  refusals integer not null,
  primary key (day, api)
) strict, without rowid;
create table api_refusals (
  id text primary key,
  api text not null,
  at integer not null,
  refusal text not null -- JSON ApiRefusal
) strict, without rowid;
create index api_refusals_by_api on api_refusals (api, at);
create table api_key_use (
  key_id text primary key,
  at integer not null
) strict, without rowid;

-- contacts/email: one thread a conversation, exact repeats, and the metadata keys of each category.
create table conversations (
  tenant text not null,
  org text not null,
  cat text not null,
  conv_id text not null, -- lower case
  thread_id text not null,
  primary key (tenant, org, cat, conv_id)
) strict, without rowid;
create index conversations_by_thread on conversations (thread_id);
create table repeats (
  fingerprint text primary key,
  row integer not null references interactions (row) on delete cascade
) strict, without rowid;
create index repeats_by_row on repeats (row);
create table metadata_keys (
  tenant text not null,
  org text not null,
  cat text not null,
  key text not null,
  primary key (tenant, org, cat, key)
) strict, without rowid;

-- Mail of customers' secure mailboxes, both directions.
create table secure_mails (
  id text primary key,
  row integer not null unique references interactions (row) on delete cascade,
  address_key text not null, -- lower case
  address text not null,
  box text not null, -- '' is the unnamed one
  direction text not null, -- inbound | outbound
  read integer not null default 0,
  deleted integer not null default 0,
  at integer not null,
  -- JSON: exactly what was attached to it; the interaction carries its thread's case data, too.
  udata text not null
) strict, without rowid;
create index secure_mails_listed on secure_mails (address_key, box, at desc, id) where deleted = 0;

-- Files that wait for an activity response to name them.
create table api_uploads (
  id text primary key,
  customer text not null,
  name text,
  content_type text not null,
  size integer not null,
  sha256 text not null,
  at integer not null
) strict, without rowid;
create index api_uploads_by_time on api_uploads (at);
create index api_uploads_by_blob on api_uploads (sha256);

-- Who still names a blob.
create index outbox_by_wire on outbox (wire_sha256);
create index outbox_by_sent on outbox (sent_sha256);

-- What a remote is owed by itself, without an agent pressing Send: reports of messages, changes written back.
create table owed_calls (
  id text primary key,
  remote_id text not null,
  kind text not null, -- report | write-back
  interaction_id text not null,
  thread_id text not null, -- when it was first owed, so that a repeat says the same after a merge
  state text not null, -- queued | claimed | done | failed
  due_at integer not null,
  changed_at integer not null,
  attempts integer not null default 0,
  -- Counts up when it is owed again while a try runs.
  revision integer not null default 0,
  problem text,
  told_as text, -- report: the id that the message has there
  unique (remote_id, kind, interaction_id)
) strict, without rowid;
create index owed_calls_due on owed_calls (remote_id, due_at) where state = 'queued';
create index owed_calls_open on owed_calls (remote_id, state) where state <> 'done';
create index owed_calls_by_interaction on owed_calls (interaction_id);
create index owed_calls_told on owed_calls (told_as) where told_as is not null;

-- What was pulled from a remote's store, by the id it has there.
create table pulled_interactions (
  remote_id text not null,
  their_id text not null,
  row integer not null references interactions (row) on delete cascade,
  their_thread text not null,
  their_customer text not null,
  theirs text not null, -- JSON: the object as it was last seen there, with the members that we don't know
  primary key (remote_id, their_id)
) strict, without rowid;
create index pulled_interactions_by_row on pulled_interactions (row);
create index pulled_interactions_by_thread on pulled_interactions (remote_id, their_thread);
create index pulled_interactions_by_customer on pulled_interactions (remote_id, their_customer);
create table remote_cursors (
  remote_id text primary key,
  cursor text not null -- JSON of the connector
) strict, without rowid;

-- Pages of the interactions API. Equal times are sorted by id as they are read.
create index interactions_by_customer_start on interactions (customer_id, start_date desc);
create index interactions_by_status_start on interactions (status, start_date desc);
-- Inbound mail is found soon by start_date alone; everything else is the smaller part.
create index interactions_not_inbound on interactions (entity_type, start_date desc) where entity_type > 0;
`
