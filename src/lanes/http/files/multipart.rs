//! Bodies of several parts: files, which stream to disk as they come, and `data`, which is short JSON. Memory does not grow with
//! a file, and a request that is refused leaves none.

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::HeaderMap;
use serde_json::Value as Json;
use tokio::sync::mpsc;

use crate::domain::kind::Kind;
use crate::lanes::http::ask::Head;
use crate::lanes::http::body::digest::{Expected, FIELD, Watched};
use crate::lanes::http::route::Visit;
use crate::lanes::http::{Lanes, Options, blocking, body};
use crate::services::Services;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Fault, Outcome, beside};
use crate::services::files::{Arrived, Purpose, Upload, Uploaded};

/// How much may come.
#[derive(Clone, Copy, Debug)]
pub struct PartLimits {
    /// What the files are for.
    pub purpose: Purpose,
    /// Bytes of one file.
    pub file_bytes_max: u64,
    /// Files of one request.
    pub files_max: usize,
    /// Bytes of the part `data`.
    pub data_bytes_max: usize,
    /// Members of one object in it.
    pub members_max: usize,
    /// Bytes of a refused body that are still read.
    pub drained_bytes_max: u64,
}

impl PartLimits {
    /// What the settings say, for files of this purpose.
    pub fn new(purpose: Purpose, options: &Options) -> Self {
        Self {
            purpose,
            file_bytes_max: match purpose {
                Purpose::Evidence => options.file_bytes_max,
                Purpose::Picture => options.image_bytes_max,
            },
            files_max: options.files_max,
            data_bytes_max: options.form_data_bytes_max,
            members_max: options.members_max,
            drained_bytes_max: options.drained_bytes_max,
        }
    }
}

/// What a part that is not taken counts beside its bytes: a body of empty ones must end too.
const REFUSED_PART_BYTES: u64 = 64 << 10;

/// Pieces of a file on their way to the disk.
const PIECES_MAX: usize = 4;

/// What came. Files that are not taken out of it are given up.
#[derive(Debug)]
pub struct Parts {
    services: Services,
    files: Vec<Uploaded>,
    /// File parts that came, those that were refused among them.
    files_seen: usize,
    /// What is wrong so far: the answer tells it with what is wrong besides.
    pub faults: Vec<Fault>,
    /// The part `data`; null if there was none.
    pub data: Json,
    /// All that came, in few bytes: by these a repeated request is known.
    pub body: Vec<u8>,
}

impl Parts {
    /// What was made of the rest of the request, or nothing: then its faults are told with the others.
    ///
    /// # Errors
    /// Whatever is no fault of what was sent.
    pub fn gather<T: Default>(&mut self, outcome: Outcome<T>) -> Outcome<T> {
        match outcome {
            Err(Failure::Invalid(faults)) => {
                self.faults.extend(faults);
                Ok(T::default())
            }
            outcome => outcome,
        }
    }

    /// The files, in the order in which they came, with every fault.
    pub fn take(&mut self) -> Arrived {
        let mut faults = std::mem::take(&mut self.faults);
        if self.files_seen == 0 {
            faults.push(Fault::no_file());
        }
        let uploads = std::mem::take(&mut self.files);
        Arrived { uploads, faults }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let files = std::mem::take(&mut self.files);
        self.services.give_up_uploads(files);
    }
}

/// Admits who visits to the files of the record that the path names, then receives them: the caller, all but the body, and
/// what came. Whoever is refused is read on, or the answer would often be lost.
///
/// # Errors
/// As [`Services::admit_files`] and [`receive`].
pub async fn receive_for(
    lanes: &Lanes,
    kind: &'static Kind,
    visit: Visit,
    purpose: Purpose,
) -> Outcome<(Caller, Head, Parts)> {
    let (who, head, body) = visit.into_parts()?;
    let limits = PartLimits::new(purpose, &lanes.options);
    let (services, caller, reference) = (lanes.services.clone(), who.clone(), head.part("id").to_owned());
    let admitted = blocking(move || services.admit_files(&caller, kind, &reference)).await;
    if let Err(failure) = admitted {
        body::drain_long(body, limits.drained_bytes_max).await;
        return Err(failure);
    }
    let parts = receive(&lanes.services, &head.headers, body, limits).await?;
    Ok((who, head, parts))
}

/// Receives a whole body; parts that are not taken, or not what they are said to be, are among its faults.
///
/// # Errors
/// `Unsupported` for another media type; `TooLarge`; `Full`; `Invalid` with all faults for a body that breaks off, or in which
/// too much comes that is not taken.
pub async fn receive(
    services: &Services,
    headers: &HeaderMap,
    body: Body,
    limits: PartLimits,
) -> Outcome<Parts> {
    // Whether the headers say what is needed is asked without the body, which would be gone with the refusal.
    let said = opened(headers, Body::empty()).await;
    let said = said.and_then(|_| Expected::of(headers, FIELD));
    let (body, watched) = match said {
        Ok(Some(expected)) => {
            let (body, watched) = Watched::new(body, expected);
            (body, Some(watched))
        }
        Ok(None) => (body, None),
        Err(failure) => {
            body::drain_long(body, limits.drained_bytes_max).await;
            return Err(failure);
        }
    };
    let mut multipart = opened(headers, body).await?;
    let mut parts = Parts {
        services: services.clone(),
        files: Vec::new(),
        files_seen: 0,
        faults: Vec::new(),
        data: Json::Null,
        body: Vec::new(),
    };
    let outcome = fill(&mut parts, &mut multipart, limits).await;
    if let Err(failure) = outcome {
        drain(&mut multipart, limits.drained_bytes_max).await;
        return beside(std::mem::take(&mut parts.faults), Err(failure));
    }
    drop(multipart);
    if let Some(watched) = watched {
        let agreed = watched.agree(limits.drained_bytes_max).await;
        parts.gather(agreed)?;
    }
    Ok(parts)
}

async fn opened(headers: &HeaderMap, body: Body) -> Outcome<Multipart> {
    body::refuse_packed(headers)?;
    let mut request = Request::new(body);
    *request.headers_mut() = headers.clone();
    DefaultBodyLimit::disable().apply(&mut request);
    let unsupported = |_| Failure::Unsupported("the body must be multipart/form-data with a boundary".into());
    Multipart::from_request(request, &()).await.map_err(unsupported)
}

async fn fill(parts: &mut Parts, multipart: &mut Multipart, limits: PartLimits) -> Outcome<()> {
    let mut data_seen = false;
    let mut left = limits.drained_bytes_max;
    while let Some(mut field) = multipart.next_field().await.map_err(|error| broken(&error))? {
        let refusal = match field.name() {
            Some("files" | "files[]") if parts.files_seen < limits.files_max => {
                let stored = store(&parts.services, &mut field, limits).await;
                take_in(parts, stored)?;
                None
            }
            Some("files" | "files[]") => {
                let expected = format!("at most {} files", limits.files_max);
                return Err(Failure::wrong("files", expected));
            }
            Some("data") if !data_seen => {
                data_seen = true;
                let read = read_data(parts, field, limits).await;
                parts.data = parts.gather(read)?;
                continue;
            }
            Some("data") => Some(Fault::wrong("data", "one part of this name")),
            name => {
                let name = name.unwrap_or("a part without a name").chars();
                let name: String = name.take(100).collect();
                Some(Fault::wrong(name, "no such part: files and data are taken"))
            }
        };
        if let Some(fault) = refusal.filter(|fault| !parts.faults.contains(fault)) {
            spend(&mut left, REFUSED_PART_BYTES)?;
            parts.faults.push(fault);
        }
        pass_over(field, &mut left).await?;
    }
    Ok(())
}

/// A file that came, or what is wrong with it. A form's empty part is none.
fn take_in(parts: &mut Parts, stored: Outcome<Option<Uploaded>>) -> Outcome<()> {
    match stored {
        Ok(None) => return Ok(()),
        Ok(Some(file)) => {
            parts.body.extend_from_slice(b"file");
            parts.body.extend_from_slice(&file.held().hash().0);
            parts.files.push(file);
        }
        Err(failure) => parts.gather(Err(failure))?,
    }
    parts.files_seen += 1;
    Ok(())
}

async fn read_data(parts: &mut Parts, field: Field<'_>, limits: PartLimits) -> Outcome<Json> {
    let expected = Expected::of(field.headers(), "data: Content-Digest");
    let bytes = read_short(field, limits.data_bytes_max).await?;
    if let Some(mut expected) = expected? {
        expected.update(&bytes);
        expected.agree()?;
    }
    parts.body.extend_from_slice(b"data");
    parts.body.extend_from_slice(&bytes);
    Ok(unwrapped(body::json("data", &bytes, limits.members_max)?))
}

/// Reads what is left of a part, so that the faults of those behind it are found too.
async fn pass_over(mut field: Field<'_>, left: &mut u64) -> Outcome<()> {
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        spend(left, chunk.len() as u64)?;
    }
    Ok(())
}

/// Whoever sends more for nothing is told what is known by now.
fn spend(left: &mut u64, bytes: u64) -> Outcome<()> {
    *left = left
        .checked_sub(bytes)
        .ok_or_else(|| Failure::Invalid(Vec::new()))?;
    Ok(())
}

/// The part may hold the root of a JSON body, or what stands in its `data`.
fn unwrapped(json: Json) -> Json {
    let is_root = |name: &String| name == "data" || body::ANSWERED.contains(&name.as_str());
    match json {
        Json::Object(mut root) if root.contains_key("data") && root.keys().all(is_root) => {
            root.remove("data").unwrap_or(Json::Null)
        }
        json => json,
    }
}

/// Streams a part to disk. `None` for the empty part that a form sends when no file was chosen.
async fn store(services: &Services, field: &mut Field<'_>, limits: PartLimits) -> Outcome<Option<Uploaded>> {
    let name = field.file_name().map(str::to_owned);
    let expected = Expected::of(field.headers(), "files: Content-Digest");
    let (pieces, arriving) = mpsc::channel(PIECES_MAX);
    let services = services.clone();
    let unnamed = name.as_deref().is_none_or(str::is_empty);
    let writing = blocking(move || {
        let upload = services.files().begin(limits.purpose, limits.file_bytes_max)?;
        let file = write(upload, arriving, (name.as_deref(), expected?))?;
        if unnamed && file.held().bytes() == 0 {
            services.give_up_uploads([file]);
            return Ok(None);
        }
        Ok(Some(file))
    });
    let sending = async {
        let sent = send(field, &pieces).await;
        drop(pieces);
        sent
    };
    let (written, sent) = tokio::join!(writing, sending);
    // A refusal by the disk's side says more than the peer's broken connection.
    let written = written?;
    sent?;
    Ok(written)
}

async fn send(field: &mut Field<'_>, pieces: &mpsc::Sender<Piece>) -> Outcome<()> {
    loop {
        let chunk = field.chunk().await.map_err(|error| broken(&error))?;
        let is_last = chunk.is_none();
        // A closed channel means that the disk side has refused; it says why.
        if pieces.send(chunk.map_or(Piece::End, Piece::Bytes)).await.is_err() || is_last {
            return Ok(());
        }
    }
}

enum Piece {
    Bytes(Bytes),
    End,
}

/// Writes pieces until the last; a part that breaks off, or is another than was said, leaves nothing.
fn write(
    mut upload: Upload,
    mut arriving: mpsc::Receiver<Piece>,
    (name, mut expected): (Option<&str>, Option<Expected>),
) -> Outcome<Uploaded> {
    while let Some(piece) = arriving.blocking_recv() {
        match piece {
            Piece::Bytes(bytes) => {
                if let Some(expected) = &mut expected {
                    expected.update(&bytes);
                }
                upload.write(&bytes)?;
            }
            Piece::End => {
                expected.map_or(Ok(()), Expected::agree)?;
                return upload.finish(name);
            }
        }
    }
    Err(Failure::wrong("body", "a whole body: it broke off"))
}

async fn read_short(mut field: Field<'_>, bytes_max: usize) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(Failure::TooLarge(bytes_max as u64));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads on to the end, within a bound; what comes is thrown away.
async fn drain(multipart: &mut Multipart, bytes_max: u64) {
    let mut drained = 0;
    while let Ok(Some(mut field)) = multipart.next_field().await {
        while let Ok(Some(chunk)) = field.chunk().await {
            drained += chunk.len() as u64;
            if drained > bytes_max {
                return;
            }
        }
    }
}

fn broken(_: &MultipartError) -> Failure {
    Failure::wrong("body", "multipart/form-data, whole and well formed")
}
