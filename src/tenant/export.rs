//! All that a tenant has, readable without Quarry.
//!
//! ```text
//! <out>/records/<object>.ndjson         a JSON object a line
//! <out>/packages/<name>@<version>/…     the files of every published version
//! <out>/packages.json                   which version is active, and since when
//! <out>/contents/<id>                   documents and pictures, as they came; the records tell their names and types
//! ```

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Component, Path},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use quarry_engine::{Engine, SessionOptions};

use crate::{command::Format, print, reach::Local};

/// Writes it all into a folder that is not there yet.
///
/// # Errors
///
/// A folder that is there; a record or content that can't be read. What was written before stays.
pub fn export(local: &Local, engine: &Arc<Engine>, out: &Path) -> Result<()> {
    if out.exists() {
        bail!("{} is there already; name a new folder", out.display());
    }
    let options = SessionOptions { timeout: None, ..SessionOptions::default() };
    let session = engine.session(engine.operator()?, options);
    let records = out.join("records");
    fs::create_dir_all(&records).with_context(|| records.display().to_string())?;
    let objects: Vec<String> = session.context().views.objects.keys().map(ToString::to_string).collect();
    for object in &objects {
        let question = format!("SELECT * FROM \"{}\"", object.replace('"', "\"\""));
        let answer = local.runtime.block_on(session.sql(&question)).with_context(|| object.clone())?;
        let file = create(&records.join(format!("{object}.ndjson")))?;
        print::write(local.stream(answer.batches), Format::Ndjson, file).with_context(|| object.clone())?;
    }
    let published = session.packages()?;
    for version in &published {
        let (_, bundle) = session.package(&version.id())?;
        let folder = out.join("packages").join(version.id());
        for (path, text) in bundle.files() {
            let path = Path::new(&path);
            if !path.components().all(|part| matches!(part, Component::Normal(_))) {
                bail!("{}: {} leads out of the package", version.id(), path.display());
            }
            write(&folder.join(path), text.as_bytes())?;
        }
    }
    write(&out.join("packages.json"), &serde_json::to_vec_pretty(&published)?)?;
    let contents = engine.contents()?;
    for id in &contents {
        let mut file = create(&out.join("contents").join(id))?;
        engine.each_piece(id, &mut |piece| file.write_all(piece))?;
        file.flush()?;
    }
    println!(
        "wrote {} objects, {} versions of packages, {} contents to {}",
        objects.len(),
        published.len(),
        contents.len(),
        out.display()
    );
    Ok(())
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    let place = || path.display().to_string();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(place)?;
    }
    Ok(BufWriter::new(File::create_new(path).with_context(place)?))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes).and_then(|()| file.flush()).with_context(|| path.display().to_string())
}
