//! Where SQLite calls: a table of C functions in front of the system's own. The only unsafe code of the workspace.
//!
//! Everything here passes a call on to [`Inner`], which decides, and to SQLite's `unix` layer, which does. Files that
//! are on no [`Disk`](crate::Disk) are given to the `unix` layer as they are, and never come here again.
#![allow(unsafe_code, reason = "SQLite's file layer is a table of C functions")]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_io_methods, sqlite3_vfs};

use crate::disk::Inner;

static DISKS: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());
static LAYER: OnceLock<Layer> = OnceLock::new();

/// The `unix` layer, as found.
struct Layer(*mut sqlite3_vfs);

// SAFETY: SQLite's layers live as long as the process and are made to be called from every thread.
unsafe impl Send for Layer {}
// SAFETY: as above.
unsafe impl Sync for Layer {}

/// What SQLite takes for a file of ours; the `unix` layer's own follows it in memory.
#[repr(C)]
struct Shim {
    base: sqlite3_file,
    open: *mut Open,
}

/// An open file of a disk.
struct Open {
    disk: Arc<Inner>,
    path: PathBuf,
    /// Its first fsync is also one of the directory.
    names: bool,
}

/// Calls a function of a table, or says that there is none.
macro_rules! call {
    ($table:expr, $function:ident ( $($arg:expr),* )) => {
        match (*$table).$function {
            Some(f) => f($($arg),*),
            None => ffi::SQLITE_IOERR,
        }
    };
}

/// Makes this layer the one that SQLite uses by itself, and `disk` known to it.
pub(crate) fn install(disk: &Arc<Inner>) {
    LAYER.get_or_init(|| {
        // SAFETY: the name is a C string, and the answer null or a layer that lives on. What is registered is leaked,
        // so that it lives on as well; it is a copy, of which the functions that are not ours need none of its own.
        unsafe {
            assert_eq!(ffi::sqlite3_initialize(), ffi::SQLITE_OK, "SQLite starts");
            let real = ffi::sqlite3_vfs_find(c"unix".as_ptr());
            assert!(!real.is_null(), "SQLite was built with its unix layer");
            let ours = Box::new(sqlite3_vfs {
                pNext: std::ptr::null_mut(),
                zName: c"faults".as_ptr(),
                szOsFile: size_of::<Shim>() as c_int + (*real).szOsFile,
                xOpen: Some(x_open),
                xDelete: Some(x_delete),
                ..*real
            });
            assert_eq!(ffi::sqlite3_vfs_register(Box::into_raw(ours), 1), ffi::SQLITE_OK, "the layer is taken");
            Layer(real)
        }
    });
    let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    disks.retain(|d| d.strong_count() > 0);
    disks.push(Arc::downgrade(disk));
}

fn layer() -> *mut sqlite3_vfs {
    LAYER.get().map_or(std::ptr::null_mut(), |l| l.0)
}

fn disk_of(path: &Path) -> Option<Arc<Inner>> {
    let disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    disks.iter().filter_map(Weak::upgrade).find(|d| d.holds(path))
}

/// # Safety
///
/// `name` is null or a C string.
unsafe fn path(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: as the caller says.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    Some(PathBuf::from(OsStr::from_bytes(bytes)))
}

unsafe extern "C" fn x_open(
    _: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands in a name as described, and room of `szOsFile` bytes, which is enough for either kind.
    unsafe {
        let Some((path, disk)) = path(name).and_then(|p| disk_of(&p).map(|d| (p, d))) else {
            return call!(layer(), xOpen(layer(), name, file, flags, out));
        };
        let shim = file.cast::<Shim>();
        (*shim).base.pMethods = std::ptr::null();
        (*shim).open = std::ptr::null_mut();
        let size = std::fs::metadata(&path).ok().map(|m| m.len());
        let flags = match disk.is_read_only() {
            // As the `unix` layer does where the system says EROFS.
            true if size.is_some() => {
                flags & !(ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE) | ffi::SQLITE_OPEN_READONLY
            }
            true => return ffi::SQLITE_CANTOPEN,
            false => flags,
        };
        let real = real(file);
        let code = disk.open(&path, size, || {
            let code = call!(layer(), xOpen(layer(), name, real, flags, out));
            if code != ffi::SQLITE_OK && !(*real).pMethods.is_null() {
                call!((*real).pMethods, xClose(real));
            }
            code
        });
        if code == ffi::SQLITE_OK {
            let kinds = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
            let names = size.is_none() && flags & kinds != 0;
            (*shim).open = Box::into_raw(Box::new(Open { disk, path, names }));
            (*shim).base.pMethods = &METHODS;
        }
        code
    }
}

unsafe extern "C" fn x_delete(_: *mut sqlite3_vfs, name: *const c_char, names: c_int) -> c_int {
    // SAFETY: SQLite hands in a C string; the `unix` layer is given what it would have been given.
    unsafe {
        let real = || call!(layer(), xDelete(layer(), name, names));
        match path(name).and_then(|p| disk_of(&p).map(|d| (p, d))) {
            Some((path, disk)) if path.exists() => disk.delete(&path, names != 0, real),
            _ => real(),
        }
    }
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    // 2: with shared memory, without reading through it (xFetch), which would go past us.
    iVersion: 2,
    xClose: Some(x_close),
    xRead: Some(x_read),
    xWrite: Some(x_write),
    xTruncate: Some(x_truncate),
    xSync: Some(x_sync),
    xFileSize: Some(x_file_size),
    xLock: Some(x_lock),
    xUnlock: Some(x_unlock),
    xCheckReservedLock: Some(x_check_reserved_lock),
    xFileControl: Some(x_file_control),
    xSectorSize: Some(x_sector_size),
    xDeviceCharacteristics: Some(x_device_characteristics),
    xShmMap: Some(x_shm_map),
    xShmLock: Some(x_shm_lock),
    xShmBarrier: Some(x_shm_barrier),
    xShmUnmap: Some(x_shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// The `unix` layer's file behind ours.
///
/// # Safety
///
/// `file` points to `szOsFile` bytes, as SQLite reserves them. (A shim is two pointers long: what follows is aligned.)
unsafe fn real(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: as the caller says.
    unsafe { file.cast::<Shim>().add(1).cast() }
}

/// # Safety
///
/// `file` was opened by [`x_open`] and not closed; nothing else has it at the same time, as SQLite warrants.
unsafe fn open<'a>(file: *mut sqlite3_file) -> &'a mut Open {
    // SAFETY: as the caller says.
    unsafe { &mut *(*file.cast::<Shim>()).open }
}

/// # Safety
///
/// `real` is an open file of the `unix` layer.
unsafe fn read(real: *mut sqlite3_file, from: u64, len: u64) -> Vec<u8> {
    let mut buffer = vec![0; len as usize];
    // SAFETY: the buffer is as long as is said; what is beyond the end of the file is filled with zeros.
    unsafe { call!((*real).pMethods, xRead(real, buffer.as_mut_ptr().cast(), len as c_int, from as i64)) };
    buffer
}

unsafe extern "C" fn x_close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes what is open, once.
    unsafe {
        let code = call!((*real(file)).pMethods, xClose(real(file)));
        let open = Box::from_raw((*file.cast::<Shim>()).open);
        open.disk.close();
        code
    }
}

unsafe extern "C" fn x_read(file: *mut sqlite3_file, buffer: *mut c_void, len: c_int, from: i64) -> c_int {
    // SAFETY: what SQLite hands in is handed on.
    unsafe {
        let open = open(file);
        if open.disk.cannot_read(&open.path, from as u64, len as u64) {
            return ffi::SQLITE_IOERR_READ;
        }
        call!((*real(file)).pMethods, xRead(real(file), buffer, len, from))
    }
}

unsafe extern "C" fn x_write(file: *mut sqlite3_file, data: *const c_void, len: c_int, offset: i64) -> c_int {
    // SAFETY: SQLite hands in a buffer of `len` bytes; the rest is handed on.
    unsafe {
        let (open, real) = (open(file), real(file));
        let bytes = std::slice::from_raw_parts(data.cast::<u8>(), len as usize);
        open.disk.write(
            &open.path,
            offset as u64,
            bytes,
            |from, len| read(real, from, len),
            |len| call!((*real).pMethods, xWrite(real, data, len as c_int, offset)),
        )
    }
}

unsafe extern "C" fn x_truncate(file: *mut sqlite3_file, size: i64) -> c_int {
    // SAFETY: what SQLite hands in is handed on.
    unsafe {
        let (open, real) = (open(file), real(file));
        open.disk.truncate(
            &open.path,
            size as u64,
            |from, len| read(real, from, len),
            || call!((*real).pMethods, xTruncate(real, size)),
        )
    }
}

/// The real file is not synced: what an fsync warrants is for the disk to say.
unsafe extern "C" fn x_sync(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { open(file) };
    let code = open.disk.sync(&open.path, open.names);
    open.names &= code != ffi::SQLITE_OK;
    code
}

unsafe extern "C" fn x_file_size(file: *mut sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: what SQLite hands in is handed on, here and below.
    unsafe { call!((*real(file)).pMethods, xFileSize(real(file), size)) }
}

unsafe extern "C" fn x_lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: as above.
    unsafe { call!((*real(file)).pMethods, xLock(real(file), level)) }
}

unsafe extern "C" fn x_unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: as above.
    unsafe { call!((*real(file)).pMethods, xUnlock(real(file), level)) }
}

unsafe extern "C" fn x_check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: as above.
    unsafe { call!((*real(file)).pMethods, xCheckReservedLock(real(file), out)) }
}

unsafe extern "C" fn x_file_control(file: *mut sqlite3_file, what: c_int, arg: *mut c_void) -> c_int {
    // SAFETY: as above. (Nothing that the `unix` layer does here changes what is in a file.)
    unsafe { call!((*real(file)).pMethods, xFileControl(real(file), what, arg)) }
}

unsafe extern "C" fn x_sector_size(file: *mut sqlite3_file) -> c_int {
    // SAFETY: as above.
    unsafe { call!((*real(file)).pMethods, xSectorSize(real(file))) }
}

unsafe extern "C" fn x_device_characteristics(file: *mut sqlite3_file) -> c_int {
    // SAFETY: as above.
    unsafe { call!((*real(file)).pMethods, xDeviceCharacteristics(real(file))) }
}

unsafe extern "C" fn x_shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: as above.
    unsafe { call!((*real(file)).pMethods, xShmMap(real(file), region, size, extend, out)) }
}

unsafe extern "C" fn x_shm_lock(file: *mut sqlite3_file, from: c_int, n: c_int, flags: c_int) -> c_int {
    // SAFETY: as above.
    unsafe { call!((*real(file)).pMethods, xShmLock(real(file), from, n, flags)) }
}

unsafe extern "C" fn x_shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: as above.
    unsafe {
        if let Some(barrier) = (*(*real(file)).pMethods).xShmBarrier {
            barrier(real(file));
        }
    }
}

unsafe extern "C" fn x_shm_unmap(file: *mut sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: as above.
    unsafe { call!((*real(file)).pMethods, xShmUnmap(real(file), delete)) }
}
