//! An object store that fails, stops or waits at an operation, before or after its effect.

use std::{
    fmt,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use async_trait::async_trait;
use futures::{
    StreamExt,
    channel::oneshot,
    stream::{self, BoxStream},
};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, memory::InMemory, path::Path,
};
use parking_lot::Mutex;

/// What goes wrong. Operations are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectFault {
    /// This operation fails and does nothing.
    Before(u64),
    /// This operation is done, and fails.
    After(u64),
    /// From this operation on all fail.
    GoneBefore(u64),
    /// This operation is done; it and all behind it fail.
    GoneAfter(u64),
}

/// Objects in memory; what is put there is durable at once.
#[derive(Clone, Default)]
pub struct FaultyStore(Arc<Inner>);

#[derive(Default)]
struct Inner {
    objects: InMemory,
    plan: Mutex<Plan>,
    held: Mutex<Option<(SyncSender<()>, oneshot::Receiver<()>)>>,
}

#[derive(Default)]
struct Plan {
    operations: u64,
    fault: Option<ObjectFault>,
}

impl FaultyStore {
    pub fn operations(&self) -> u64 {
        self.0.plan.lock().operations
    }

    /// This goes wrong from now on, until it is `None`.
    pub fn fail(&self, fault: Option<ObjectFault>) {
        self.0.plan.lock().fault = fault;
    }

    /// The next put waits: who it is told to when it has begun, and what lets it go on.
    pub fn hold_next_put(&self) -> (Receiver<()>, oneshot::Sender<()>) {
        let (tell, begun) = sync_channel(1);
        let (release, released) = oneshot::channel();
        *self.0.held.lock() = Some((tell, released));
        (begun, release)
    }

    /// Does it fail before, or after it is done?
    fn verdict(&self) -> (Result<()>, Result<()>) {
        let mut plan = self.0.plan.lock();
        plan.operations += 1;
        let now = plan.operations;
        let (before, after) = match plan.fault {
            None => (false, false),
            Some(ObjectFault::Before(at)) => (now == at, false),
            Some(ObjectFault::After(at)) => (false, now == at),
            Some(ObjectFault::GoneBefore(at)) => (now >= at, false),
            Some(ObjectFault::GoneAfter(at)) => (now > at, now == at),
        };
        let told = |fails: bool| {
            let error = || Error::Generic { store: "faulty", source: "a fault was injected".into() };
            if fails { Err(error()) } else { Ok(()) }
        };
        (told(before), told(after))
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let held = self.0.held.lock().take();
        if let Some((tell, released)) = held {
            tell.send(()).unwrap();
            released.await.unwrap();
        }
        let (before, after) = self.verdict();
        before?;
        let done = self.0.objects.put_opts(location, payload, options).await?;
        after.map(|()| done)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.objects.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (before, after) = self.verdict();
        before.and(after)?;
        self.0.objects.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (before, after) = self.verdict();
        if let Err(error) = before {
            return stream::once(async { Err(error) }).boxed();
        }
        let deleted = self.0.objects.delete_stream(locations);
        match after {
            Ok(()) => deleted,
            Err(error) => {
                let mut error = Some(error);
                deleted.map(move |done| error.take().map_or(done, Err)).boxed()
            }
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (before, after) = self.verdict();
        match before.and(after) {
            Ok(()) => self.0.objects.list(prefix),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.objects.copy_opts(from, to, options).await
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a faulty store")
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}
