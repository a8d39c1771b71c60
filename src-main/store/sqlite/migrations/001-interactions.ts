/**
 * The first shape of the store.
 *
 * An interaction's row id is its received time in milliseconds × 1,024 plus a sequence, so that
 * `order by rowid desc` is newest first even when history arrives backwards. It never leaves the engine.
 * Times are milliseconds since 1970 (UTC); JSON columns hold text.
 */
export const sql = /* sql */ `
create table meta (key text primary key, value text not null) strict, without rowid;

create table settings (key text primary key, value text not null) strict, without rowid;

create table agents (
  id integer primary key,
  name text not null
) strict;

create table queues (
  id text primary key,
  name text not null collate nocase unique,
  position integer not null
) strict, without rowid;

create table dispositions (
  id text primary key,
  name text not null collate nocase unique,
  position integer not null
) strict, without rowid;

-- The people on the other side --------------------------------------------------------------

create table contacts (
  id text primary key,
  title text not null default '',
  first_name text not null default '',
  last_name text not null default '',
  -- The display name that came with a mail, until an agent enters a better one.
  display_name text not null default '',
  phone text not null default '',
  note text not null default '',
  created_at integer not null
) strict, without rowid;

create table contact_addresses (
  address_key text primary key, -- lower case
  address text not null,
  contact_id text not null references contacts (id) on delete cascade,
  position integer not null,
  -- For completion: how often and when last this address was written with, and its folded words,
  -- each after a space.
  mails integer not null default 0,
  last_at integer not null default 0,
  words text not null default ''
) strict, without rowid;
create index contact_addresses_by_contact on contact_addresses (contact_id, position);
create index contact_addresses_by_use on contact_addresses (mails, last_at);

-- Each word of an address's name and of the address itself, for completion by prefix.
create table contact_words (
  word text not null,
  address_key text not null references contact_addresses (address_key) on delete cascade,
  primary key (word, address_key)
) strict, without rowid;
create index contact_words_by_address on contact_words (address_key);

-- Threads: one row each, recomputed from their interactions by one function -------------------

create table threads (
  thread_id text primary key,
  subject text not null,
  -- Place of the open work: 'queue:<id>', 'workbin:in-progress', 'workbin:review' or 'done'.
  place text not null,
  owner_id integer,
  status integer not null,
  category_id text,
  -- Row ids, so that pages go by key: the newest message, and the oldest customer message that waits.
  last integer not null,
  waiting integer,
  -- Sort key for oldest first: waiting, else last.
  since integer not null,
  messages integer not null,
  unread integer not null,
  attachments integer not null,
  -- How many of its messages are held back.
  held_back integer not null,
  has_draft integer not null,
  trouble text,
  -- JSON address of the other side.
  correspondent text
) strict, without rowid;
create index threads_by_last on threads (last);
create index threads_by_since on threads (since);
create index threads_by_place_last on threads (place, last);
create index threads_by_place_since on threads (place, since);
create index threads_by_owner_last on threads (place, owner_id, last) where owner_id is not null;
create index threads_by_owner_since on threads (place, owner_id, since) where owner_id is not null;

-- Where a thread went that was merged into another: the old id still opens it.
create table merged_threads (
  old_id text primary key,
  thread_id text not null,
  reason text not null,
  at integer not null
) strict, without rowid;
create index merged_threads_by_target on merged_threads (thread_id);

-- Kept, not counted. owner_id 0 stands for nobody; the place 'held-back' counts messages, the others threads.
create table counts (
  place text not null,
  owner_id integer not null,
  total integer not null,
  unread integer not null,
  primary key (place, owner_id)
) strict, without rowid;

create table interactions (
  row integer primary key,
  interaction_id text not null unique,
  activity_id integer not null unique,
  customer_id text not null,
  status integer not null,
  entity_type integer not null,
  type text not null,
  sub_type text,
  media_type text not null,
  parent_id text,
  thread_id text not null,
  external_id text,
  owner_id integer,
  creator_app_id integer not null,
  start_date integer not null,
  end_date integer,
  timeshift integer,
  category_id text,
  allow_children integer not null default 1,
  subject text,
  stopped_reason text,
  structured_text text,
  structured_text_mime text,
  binary_content text,
  binary_content_mime text,
  binary_content_size integer,
  -- JSON object; null when empty.
  udata text,
  -- JSON addresses, as in the data model.
  "from" text,
  reply_to text,
  "to" text,
  cc text,
  bcc text,
  sent_date integer,
  reference_id text, -- JSON: integer or string, returned as stored
  reviewer_id integer,
  standard_response_id text,
  -- Ours -----------------------------------------------------------------------------------
  queue_id text references queues (id),
  workbin text, -- in-progress | review, while owned
  unread integer not null default 0,
  message_id text, -- without angle brackets
  thread_reason text not null,
  -- Same mail, same key: hash of the raw bytes without trace fields.
  content_key text unique,
  raw_sha256 text,
  raw_size integer not null default 0,
  snippet text not null default '',
  quote_at integer,
  from_as_written text,
  held_back text,
  machine text, -- JSON {kind, reason}
  bounce_of text, -- interaction_id of the mail that this delivery report is about
  disposition_id text,
  disposition text, -- its name at that time
  -- imap:<account>/<folder>, import, sample, api:<name>, desk
  came_by text not null,
  account_id text,
  folder text,
  attachments integer not null default 0
) strict;
create index interactions_by_thread on interactions (thread_id, row);
create index interactions_open on interactions (thread_id, row) where status < 3;
create index interactions_by_start on interactions (start_date, interaction_id);
create index interactions_by_message_id on interactions (message_id) where message_id is not null;
create index interactions_by_customer on interactions (customer_id, row, thread_id);
create index interactions_by_parent on interactions (parent_id) where parent_id is not null;
create index interactions_by_status on interactions (status, row);
create index interactions_by_raw on interactions (raw_sha256) where raw_sha256 is not null;
create index interactions_by_queue on interactions (queue_id, row) where queue_id is not null;
create index interactions_by_owner on interactions (owner_id, row) where owner_id is not null;
create index interactions_by_category on interactions (category_id, row) where category_id is not null;
create index interactions_unread on interactions (row) where unread = 1;
create index interactions_held_back on interactions (row) where held_back is not null;

-- Large text beside the row, so that list and thread pages stay small.
create table bodies (
  row integer primary key references interactions (row) on delete cascade,
  text text not null,
  html text
) strict;

create table attachments (
  id text primary key,
  row integer not null references interactions (row) on delete cascade,
  position integer not null,
  name text,
  content_type text not null,
  size integer not null,
  sha256 text not null,
  content_id text,
  inline integer not null
) strict, without rowid;
create index attachments_by_row on attachments (row, position);
create index attachments_by_blob on attachments (sha256);

-- Message ids that a mail names as its ancestors; answers "who waits for this parent?".
create table mail_references (
  message_id text not null,
  row integer not null references interactions (row) on delete cascade,
  -- 0 is the direct parent.
  distance integer not null,
  primary key (message_id, row)
) strict, without rowid;
create index mail_references_by_row on mail_references (row);

-- Everybody named in a thread: the guard against joining strangers.
create table participants (
  thread_id text not null,
  address_key text not null,
  primary key (thread_id, address_key)
) strict, without rowid;

create table history (
  sequence integer primary key,
  id text not null unique,
  interaction_id text not null,
  at integer not null,
  agent_id integer,
  what text not null,
  key text,
  before text not null, -- JSON
  after text not null -- JSON
) strict;
create index history_by_interaction on history (interaction_id, sequence);

-- What can be taken back: the state before, as JSON that only the command that wrote it reads.
create table undo (
  id text primary key,
  at integer not null,
  what text not null,
  before text not null
) strict, without rowid;
create index undo_by_time on undo (at);

-- Drafts and the outbox -----------------------------------------------------------------------

create table drafts (
  id text primary key,
  kind text not null,
  owner_id integer not null,
  thread_id text,
  parent_id text,
  revision integer not null,
  saved_at integer not null,
  content text not null, -- JSON DraftContent
  returned text
) strict, without rowid;
create index drafts_by_thread on drafts (thread_id) where thread_id is not null;
create index drafts_by_owner on drafts (owner_id, saved_at);
create index drafts_by_time on drafts (saved_at);

create table draft_attachments (
  id text primary key,
  draft_id text not null references drafts (id) on delete cascade,
  position integer not null,
  name text,
  content_type text not null,
  size integer not null,
  sha256 text not null,
  content_id text,
  inline integer not null
) strict, without rowid;
create index draft_attachments_by_draft on draft_attachments (draft_id, position);
create index draft_attachments_by_blob on draft_attachments (sha256);

create table outbox (
  id text primary key,
  interaction_id text not null unique,
  account_id text not null,
  state text not null,
  due_at integer not null,
  changed_at integer not null,
  attempts integer not null default 0,
  message_id text not null unique, -- without angle brackets
  envelope text not null, -- JSON {from, to[], smtputf8}
  wire_sha256 text not null, -- frozen MIME without Bcc
  sent_sha256 text not null, -- the copy for Sent, with Bcc
  recipients text not null, -- JSON RecipientOutcome[]
  problem text,
  sent_copy text not null, -- owed | filed | none | failed
  draft text not null, -- JSON Draft: what it was written as, for undo and taking back
  done text not null, -- JSON: the work that was marked Done with it, for the same
  sample integer not null default 0
) strict, without rowid;
create index outbox_open on outbox (due_at) where state in ('queued', 'claimed', 'data_started', 'accepted');
create index outbox_trouble on outbox (changed_at) where state in ('rejected', 'unknown');
-- The outbox as the desk shows it; ids sort by time.
create index outbox_shown on outbox (id)
  where state in ('queued', 'claimed', 'data_started', 'rejected', 'unknown');

-- Accounts at work ------------------------------------------------------------------------------

create table folders (
  account_id text not null,
  folder text not null,
  role text not null, -- inbound | outbound
  uidvalidity text not null,
  -- JSON of the connector: how far it looked, forwards and backwards.
  cursor text not null,
  on_server integer not null default 0,
  stored integer not null default 0,
  duplicates integer not null default 0,
  held_back integer not null default 0,
  last_look integer,
  primary key (account_id, folder)
) strict, without rowid;

-- Where on a server an interaction's mail lies; several where the same mail was found more than once.
create table locations (
  account_id text not null,
  folder text not null,
  uidvalidity text not null,
  uid integer not null,
  row integer not null references interactions (row) on delete cascade,
  outcome text not null, -- stored | duplicate | held-back: what the folder's ledger counts it as
  primary key (account_id, folder, uidvalidity, uid)
) strict, without rowid;
create index locations_by_row on locations (row);

-- Standard responses ----------------------------------------------------------------------------

create table response_categories (
  id text primary key,
  parent_id text references response_categories (id),
  name text not null,
  position integer not null
) strict, without rowid;

create table responses (
  id text primary key,
  category_id text references response_categories (id),
  name text not null,
  language text not null,
  status text not null,
  position integer not null,
  subject text not null,
  html text not null,
  text text not null,
  used integer not null default 0,
  changed_at integer not null
) strict, without rowid;

-- Search: contentless, rowid = interactions.row. Everything of a message for the plain query, and for operators the
-- same words again with their field's mark, so that one index intersects both. The text comes folded and taken
-- apart (search-text.ts); without positions (detail = none), so phrases are verified against the stored text.
create virtual table words using fts5 (
  text,
  content = '', contentless_delete = 1, detail = none, tokenize = 'ascii', prefix = '1 2 3 4 5'
);
-- The words that the index holds, for beginnings longer than the prefix indexes.
create virtual table terms using fts5vocab (words, 'instance');
`
