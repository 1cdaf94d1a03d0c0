//! Builds the page and embeds it, compressed, so that one binary is the whole platform.
//!
//! Where the page comes from, the first that applies:
//! 1. `DANXIA_UI_DIST=dir` embeds what is in `dir` (absolute, or seen from `web`).
//! 2. `DANXIA_UI_SKIP=1` embeds nothing.
//! 3. With Node at hand, `npm ci` (when the lock file has changed) and `npm run build`, into `OUT_DIR`.
//!
//! Without Node nothing is embedded; the API works all the same, and `/` says how to build the page. The source tree is
//! not written to, but for `ui/node_modules`; two builds at once take turns there by a lock on `package-lock.json`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, error, io};

/// What the page is made from; nothing else makes cargo run this script again.
const SOURCES: [&str; 7] = [
    "ui/src",
    "ui/public",
    "ui/index.html",
    "ui/package.json",
    "ui/package-lock.json",
    "ui/vite.config.ts",
    "ui/tsconfig.json",
];

type Result<T, E = Box<dyn error::Error>> = std::result::Result<T, E>;

/// The page's directory, or the reason why there is none (a sentence for the developer).
enum Page {
    Built(PathBuf),
    Absent(&'static str),
}

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DANXIA_UI_DIST");
    println!("cargo::rerun-if-env-changed=DANXIA_UI_SKIP");
    // A path that does not exist would make every build run this script.
    for source in SOURCES.iter().filter(|s| Path::new(s).exists()) {
        println!("cargo::rerun-if-changed={source}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let page = locate(&out)?;
    let (files, absent) = match page {
        Page::Built(dir) => (collect(&dir)?, ""),
        Page::Absent(why) => (Vec::new(), why),
    };
    embed(&out, &files, absent)
}

fn locate(out: &Path) -> Result<Page> {
    if let Some(dir) = env::var_os("DANXIA_UI_DIST").filter(|d| !d.is_empty()) {
        let dir = PathBuf::from(dir);
        println!("cargo::rerun-if-changed={}", dir.display());
        if !dir.join("index.html").is_file() {
            return Err(format!("DANXIA_UI_DIST={} holds no index.html", dir.display()).into());
        }
        return Ok(Page::Built(dir));
    }
    if env::var_os("DANXIA_UI_SKIP").is_some_and(|v| !v.is_empty() && v != "0") {
        return Ok(Page::Absent("DANXIA_UI_SKIP was set"));
    }
    let ui = Path::new("ui");
    if !ui.join("package-lock.json").is_file() {
        return Ok(Page::Absent("web/ui holds no package-lock.json"));
    }
    if !Command::new("npm").arg("--version").output().is_ok_and(|o| o.status.success()) {
        println!("cargo::warning=npm was not found: the page is not embedded (install Node.js 20 or later)");
        return Ok(Page::Absent("npm was not found"));
    }
    let lock = File::open(ui.join("package-lock.json"))?;
    lock.lock()?;
    if let Err(why) = install(ui) {
        println!("cargo::warning=npm ci failed, the page is not embedded: {}", why.replace('\n', " | "));
        return Ok(Page::Absent("npm ci failed"));
    }
    let dist = out.join("page");
    npm(ui, &["run", "build", "--", "--outDir", &dist.to_string_lossy(), "--emptyOutDir"])
        .map_err(|why| format!("the page does not build (DANXIA_UI_SKIP=1 builds without it):\n{why}"))?;
    Ok(Page::Built(dist))
}

/// Installs the dependencies unless this very lock file has been installed.
fn install(ui: &Path) -> Result<(), String> {
    let wanted = fs::read(ui.join("package-lock.json")).map_err(|e| e.to_string())?;
    let wanted = format!("{:016x}", fnv(&wanted));
    let stamp = ui.join("node_modules/.danxia-installed");
    if fs::read_to_string(&stamp).is_ok_and(|s| s == wanted) {
        return Ok(());
    }
    npm(ui, &["ci", "--no-audit", "--no-fund"])?;
    fs::write(stamp, wanted).map_err(|e| e.to_string())
}

/// Runs npm; the error is the end of what it said.
fn npm(ui: &Path, args: &[&str]) -> Result<(), String> {
    let out =
        Command::new("npm").args(args).current_dir(ui).output().map_err(|e| format!("npm does not start: {e}"))?;
    if out.status.success() {
        return Ok(());
    }
    let said = [out.stdout, out.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().collect();
    Err(lines[lines.len().saturating_sub(40)..].join("\n"))
}

/// Every file below `dir`, as `(path in the page, file)`, sorted.
fn collect(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name: Vec<_> = path.strip_prefix(dir)?.iter().map(|p| p.to_string_lossy()).collect();
                found.push((format!("/{}", name.join("/")), path));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Writes the files, as they are and compressed, and the table `page.rs` that includes them.
fn embed(out: &Path, files: &[(String, PathBuf)], absent: &str) -> Result<()> {
    let store = out.join("embedded");
    fs::create_dir_all(&store)?;
    let mut table = String::from("pub(crate) static FILES: &[File] = &[\n");
    for (i, (path, file)) in files.iter().enumerate() {
        let raw = fs::read(file)?;
        let include = |kind: &str, bytes: &[u8]| -> Result<String> {
            let at = store.join(format!("{i}.{kind}"));
            fs::write(&at, bytes)?;
            Ok(format!("include_bytes!({:?})", at))
        };
        let plain = include("raw", &raw)?;
        let packed = |kind: &str, bytes: Vec<u8>| -> Result<String> {
            // What does not shrink (pictures, fonts) is sent as it is.
            if bytes.len() * 20 > raw.len() * 19 {
                Ok("None".into())
            } else {
                Ok(format!("Some({})", include(kind, &bytes)?))
            }
        };
        let (gzip, brotli) = (packed("gz", gzip(&raw)?)?, packed("br", brotli(&raw)?)?);
        writeln!(
            table,
            "    File {{ path: {path:?}, mime: {:?}, etag: \"\\\"{:016x}\\\"\", raw: {plain}, gzip: {gzip}, brotli: {brotli} }},",
            mime(path),
            fnv(&raw),
        )?;
    }
    writeln!(
        table,
        "];\n/// Why there is no page; empty when there is one.\npub(crate) const ABSENT: &str = {absent:?};"
    )?;
    Ok(fs::write(out.join("page.rs"), table)?)
}

fn gzip(raw: &[u8]) -> io::Result<Vec<u8>> {
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    w.write_all(raw)?;
    w.finish()
}

fn brotli(raw: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    let mut w = brotli::CompressorWriter::new(&mut packed, 64 << 10, 11, 22);
    w.write_all(raw)?;
    w.flush()?;
    drop(w);
    Ok(packed)
}

fn mime(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, e)| e) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "wav" => "audio/wav",
        _ => "application/octet-stream",
    }
}

/// FNV-1a, 64 bits: names a content, protects nothing.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}
