//! Streams an answer's rows as they come: JSON, NDJSON, Arrow IPC, or CSV where an endpoint gives it. At most one batch is held; a client that goes away
//! drops the stream and ends the work.
//!
//! The first batch is waited for before the status is sent, so that most errors get their own. One that comes later
//! breaks the connection off (NDJSON tells it in a last line before that): half an answer must not look like a whole one.
//!
//! What stands around the rows of a JSON answer is an [`Envelope`]; doors of other families bring their own.

mod csv;

use arrow::{datatypes::SchemaRef, ipc::writer::StreamWriter, record_batch::RecordBatch};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use quarry_engine::{Answer, Error, Next};
use quarry_json::{Encoder, Options, Separator};

use crate::problem::{Answered, Problem};

/// Rows encoded at once: a share of a batch that does not hold up others on the thread.
const CHUNK_ROWS: usize = 1024;

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const ARROW: &str = "application/vnd.apache.arrow.stream";
const CSV: &str = "text/csv; charset=utf-8";

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Ndjson,
    Arrow,
    /// With a line of names. No `Accept` asks for it.
    Csv(Texts),
}

/// How texts stand in CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texts {
    /// As they are: what reads the file back gets the same.
    Plain,
    /// With a `'` before one that a spreadsheet would take for a formula.
    Safe,
}

impl Form {
    /// Whether it takes records away by the stream, for programs.
    pub fn is_export(&self) -> bool {
        matches!(self, Form::Ndjson | Form::Arrow | Form::Csv(_))
    }

    /// The form that `Accept` asks for; JSON when it says nothing.
    ///
    /// # Errors
    ///
    /// 406 when it asks for others only.
    pub fn asked(headers: &HeaderMap) -> Result<Self, Problem> {
        let accepts: Vec<&str> =
            headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
        if accepts.is_empty() {
            return Ok(Form::Json);
        }
        let mut forms: Vec<(f32, Form)> =
            accepts.iter().flat_map(|a| a.split(',')).filter_map(asked_form).collect();
        forms.sort_by(|a, b| b.0.total_cmp(&a.0));
        match forms.first() {
            Some((_, form)) => Ok(*form),
            None => {
                let message = format!("answers are {JSON}, {NDJSON} or {ARROW}");
                Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message))
            }
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Form::Json => JSON,
            Form::Ndjson => NDJSON,
            Form::Arrow => ARROW,
            Form::Csv(_) => CSV,
        }
    }
}

fn asked_form(part: &str) -> Option<(f32, Form)> {
    let mut parameters = part.split(';').map(str::trim);
    let form = match parameters.next()?.to_ascii_lowercase().as_str() {
        "*/*" | "application/*" | JSON => Form::Json,
        NDJSON | "application/ndjson" | "application/jsonl" => Form::Ndjson,
        ARROW => Form::Arrow,
        _ => return None,
    };
    let quality = parameters.find_map(|p| p.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok())?;
    (quality > 0.0).then_some((quality, form))
}

/// How an answer looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub form: Form,
    pub options: Options,
}

/// What stands around the rows of a JSON answer.
pub(crate) struct Envelope {
    /// Comes before the rows, their bracket included.
    pub head: Vec<u8>,
    /// So many rows are written; one more is not, and tells that there are more.
    pub rows_max: Option<u64>,
    /// What comes behind the rows.
    pub tail: Box<dyn FnOnce(Seen) -> Vec<u8> + Send>,
}

/// What is known of the rows when all are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// How many were written.
    pub rows: u64,
    /// Whether there was one more than might be written.
    pub more: bool,
}

impl Envelope {
    /// Around the answer to a question of ours.
    fn ours(count: Option<u64>, next: Option<Next>, csn: u64) -> Self {
        let tail = move |_| Tail { count, next, csn }.written();
        Self { head: b"{\"records\":[".to_vec(), rows_max: None, tail: Box::new(tail) }
    }

    /// Nothing.
    fn none() -> Self {
        Self::of(b"", b"")
    }

    /// These bytes.
    pub fn of(head: &'static [u8], tail: &'static [u8]) -> Self {
        Self { head: head.to_vec(), rows_max: None, tail: Box::new(|_| tail.to_vec()) }
    }
}

/// An answer as a response that streams, every column as its Arrow field says.
///
/// # Errors
///
/// Those of the first batch.
pub(crate) async fn response(mut answer: Answer, shape: Shape) -> Answered {
    let envelope = match shape.form {
        Form::Json => Envelope::ours(answer.count, answer.next.take(), answer.csn),
        Form::Ndjson | Form::Arrow | Form::Csv(_) => Envelope::none(),
    };
    enveloped(answer, shape, envelope).await
}

/// As [`response`], with what is to stand around the rows.
///
/// # Errors
///
/// As [`response`].
pub(crate) async fn enveloped(answer: Answer, shape: Shape, envelope: Envelope) -> Answered {
    let Shape { form, options } = shape;
    let Answer { schema, mut batches, count, csn, .. } = answer;
    let first = batches.next().await.transpose().map_err(Error::of_rows)?;
    let writer = Writer::new(form, &schema, options)?;
    let rest = batches.map(|batch| batch.map_err(Error::of_rows));
    let batches = stream::iter(first.map(Ok)).chain(rest).boxed();
    let Envelope { head, rows_max, tail } = envelope;
    let state = State { head, tail, rows_max, writer, batches, batch: None, rows: 0 };
    let chunks = stream::try_unfold(Some(state), step);
    let mut response = Body::from_stream(told(chunks, form)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    headers.insert("x-quarry-csn", HeaderValue::from(csn));
    if let Some(count) = count {
        headers.insert("x-quarry-count", HeaderValue::from(count));
    }
    Ok(response)
}

/// What comes behind the rows of a JSON answer.
struct Tail {
    count: Option<u64>,
    next: Option<Next>,
    csn: u64,
}

impl Tail {
    fn written(&self) -> Vec<u8> {
        let mut out = b"]".to_vec();
        if let Some(count) = self.count {
            out.extend_from_slice(format!(",\"count\":{count}").as_bytes());
        }
        if let Some(next) = &self.next {
            // Base64: nothing in it needs an escape.
            let quoted = |cursor: Option<String>| {
                cursor.map_or_else(|| "null".to_owned(), |text| format!("\"{text}\""))
            };
            out.extend_from_slice(format!(",\"cursor\":{{\"next\":{}", quoted(next.get())).as_bytes());
            if let Some(previous) = next.previous() {
                out.extend_from_slice(format!(",\"previous\":{}", quoted(previous)).as_bytes());
            }
            out.extend_from_slice(b"}");
        }
        out.extend_from_slice(format!(",\"csn\":{}}}", self.csn).as_bytes());
        out
    }
}

struct State<B> {
    /// What comes before the rows, until it is sent.
    head: Vec<u8>,
    tail: Box<dyn FnOnce(Seen) -> Vec<u8> + Send>,
    rows_max: Option<u64>,
    writer: Writer,
    batches: B,
    /// The batch being written, and how far.
    batch: Option<(RecordBatch, usize)>,
    /// Rows written.
    rows: u64,
}

impl<B> State<B> {
    /// How many rows may be written at once; 0 when no more may be.
    fn rows_allowed(&self) -> usize {
        let left = self.rows_max.map(|most| most.saturating_sub(self.rows));
        left.map_or(CHUNK_ROWS, |left| usize::try_from(left).unwrap_or(CHUNK_ROWS).min(CHUNK_ROWS))
    }

    /// The end of the answer.
    fn end(mut self, more: bool, mut out: Vec<u8>) -> Result<Bytes, Error> {
        self.writer.finish(&mut out)?;
        out.append(&mut (self.tail)(Seen { rows: self.rows, more }));
        Ok(out.into())
    }
}

/// The next chunk. Empty batches are passed over.
async fn step<B>(state: Option<State<B>>) -> Result<Option<(Bytes, Option<State<B>>)>, Error>
where
    B: Stream<Item = Result<RecordBatch, Error>> + Unpin,
{
    let Some(mut state) = state else { return Ok(None) };
    let mut out = std::mem::take(&mut state.head);
    loop {
        let (batch, written) = match state.batch.take() {
            Some(current) => current,
            None => match state.batches.next().await.transpose()? {
                Some(batch) => (batch, 0),
                None => return Ok(Some((state.end(false, out)?, None))),
            },
        };
        if written >= batch.num_rows() {
            continue;
        }
        let allowed = state.rows_allowed();
        if allowed == 0 {
            return Ok(Some((state.end(true, out)?, None)));
        }
        let end = batch.num_rows().min(written + allowed);
        state.writer.write(&batch, written..end, state.rows > 0, &mut out)?;
        state.rows += u64::try_from(end - written).unwrap_or(u64::MAX);
        state.batch = Some((batch, end));
        return Ok(Some((out.into(), Some(state))));
    }
}

/// Logs an error between chunks, tells it in a last line of NDJSON, and breaks off.
fn told(
    chunks: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    form: Form,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
    chunks.flat_map(move |chunk| {
        let items = match chunk {
            Ok(chunk) => vec![Ok(chunk)],
            Err(error) => {
                tracing::warn!(code = error.code, "an answer broke off: {error}");
                let told = Problem::from(error).to_json(None);
                let line = (form == Form::Ndjson).then(|| Ok(Bytes::from(format!("{told}\n"))));
                let broken = Err(std::io::Error::other("the answer broke off"));
                line.into_iter().chain([broken]).collect()
            }
        };
        stream::iter(items)
    })
}

enum Writer {
    Json { encoder: Encoder, separator: Separator },
    Arrow(Box<StreamWriter<Vec<u8>>>),
    Csv(csv::Lines),
}

impl Writer {
    fn new(form: Form, schema: &SchemaRef, options: Options) -> Result<Self, Problem> {
        let separator = match form {
            Form::Json => Separator::Comma,
            Form::Ndjson => Separator::Newline,
            Form::Arrow => {
                let writer = StreamWriter::try_new(Vec::new(), schema).map_err(encoding)?;
                return Ok(Writer::Arrow(Box::new(writer)));
            }
            Form::Csv(texts) => return Ok(Writer::Csv(csv::Lines::new(schema, options, texts)?)),
        };
        Ok(Writer::Json { encoder: Encoder::new(schema, options).map_err(encoding)?, separator })
    }

    fn write(
        &mut self,
        batch: &RecordBatch,
        rows: std::ops::Range<usize>,
        wrote_row: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        match self {
            Writer::Json { encoder, separator } => {
                if wrote_row && *separator == Separator::Comma {
                    out.push(b',');
                }
                encoder.encode_rows(batch, rows, *separator, out).map_err(encoding)
            }
            Writer::Arrow(writer) => {
                writer.write(&batch.slice(rows.start, rows.len())).map_err(encoding)?;
                out.append(writer.get_mut());
                Ok(())
            }
            Writer::Csv(lines) => lines.write(batch, rows, out),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Writer::Json { .. } => {}
            Writer::Arrow(writer) => {
                writer.finish().map_err(encoding)?;
                out.append(writer.get_mut());
            }
            Writer::Csv(lines) => lines.finish(out),
        }
        Ok(())
    }
}

fn encoding(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let message = "an answer can't be written";
    Error::new(quarry_engine::ErrorKind::Internal, "INTERNAL_ERROR", message).caused_by(error)
}
