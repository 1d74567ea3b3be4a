import { createCipheriv, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { BaseFilesystem, ERRNO_CODES, type FsStats } from '@electric-sql/pglite/basefs';

const NONCE_LENGTH = 12;
const MAGIC = Buffer.from('LSE1', 'latin1');
const HEADER_LENGTH = NONCE_LENGTH + MAGIC.length;
const BLOCK = 16;

/** What WASI calls these, for errors that PGlite's own table leaves out. */
const ERRNO: Readonly<Record<string, number>> = {
  ...ERRNO_CODES,
  EACCES: 2,
  EIO: 29,
  EMFILE: 33,
  ENOSPC: 51,
  EPERM: 63,
};

/**
 * The storage of one database: files of a directory, each encrypted with AES-256-CTR under the instance's
 * storage key and a nonce of its own, kept in the file's first 16 bytes (`LSE1`, then 12 random bytes). The counter is
 * the offset within the file in blocks of 16 bytes, so a page is read and written in place.
 *
 * What this proves: without the key that KMS unwraps, the files say nothing of what the database holds.
 * What it does not: file names and lengths stay readable; nothing detects a changed file (PostgreSQL's own page
 * checks aside); and whoever copies the disk at two moments sees the XOR of two versions of one page, because CTR
 * repeats its key stream when a block is overwritten. RDS encrypts volumes with AES-256-XTS, which has no such limit.
 *
 * Files are written through to the operating system and never fsynced: an acknowledged commit survives the death of the
 * process, not a power cut.
 */
export class EncryptedFilesystem extends BaseFilesystem {
  readonly #root: string;
  readonly #key: Buffer;
  readonly #nonces = new Map<number, Buffer>();

  /** @param root an existing directory. @param key 32 bytes. */
  constructor(root: string, key: Buffer) {
    super(root);
    this.#root = root;
    this.#key = key;
  }

  override chmod(path: string, mode: number): void {
    attempt(() => fs.chmodSync(this.#real(path), mode));
  }

  override close(fd: number): void {
    this.#nonces.delete(fd);
    attempt(() => fs.closeSync(fd));
  }

  override fstat(fd: number): FsStats {
    return attempt(() => plainStats(fs.fstatSync(fd)));
  }

  override lstat(path: string): FsStats {
    return attempt(() => plainStats(fs.lstatSync(this.#real(path))));
  }

  override mkdir(path: string, options?: { recursive?: boolean; mode?: number }): void {
    attempt(() => fs.mkdirSync(this.#real(path), options));
  }

  override open(path: string): number {
    return attempt(() => {
      const fd = fs.openSync(this.#real(path), 'r+');
      this.#nonces.set(fd, readOrWriteHeader(fd));
      return fd;
    });
  }

  override readdir(path: string): string[] {
    return attempt(() => ['.', '..', ...fs.readdirSync(this.#real(path))]);
  }

  override read(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    return attempt(() => {
      const sealed = Buffer.allocUnsafe(length);
      const count = fs.readSync(fd, sealed, 0, length, position + HEADER_LENGTH);
      bytesOf(buffer, offset, count).set(this.#crypt(fd, sealed.subarray(0, count), position));
      return count;
    });
  }

  override rename(oldPath: string, newPath: string): void {
    attempt(() => fs.renameSync(this.#real(oldPath), this.#real(newPath)));
  }

  override rmdir(path: string): void {
    attempt(() => fs.rmdirSync(this.#real(path)));
  }

  override truncate(path: string, length: number): void {
    attempt(() => {
      const fd = this.open(path);
      try {
        this.#fillGap(fd, length);
        fs.ftruncateSync(fd, length + HEADER_LENGTH);
      } finally {
        this.close(fd);
      }
    });
  }

  override unlink(path: string): void {
    attempt(() => fs.unlinkSync(this.#real(path)));
  }

  override utimes(path: string, atime: number, mtime: number): void {
    attempt(() => fs.utimesSync(this.#real(path), atime / 1000, mtime / 1000));
  }

  override writeFile(path: string, data: string | Uint8Array, options?: { mode?: number }): void {
    attempt(() => {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data;
      fs.writeFileSync(this.#real(path), newHeader(), { mode: options?.mode ?? 0o600 });
      if (bytes.length === 0) return;
      const fd = this.open(path);
      try {
        this.write(fd, bytes, 0, bytes.length, 0);
      } finally {
        this.close(fd);
      }
    });
  }

  override write(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    return attempt(() => {
      this.#fillGap(fd, position);
      return this.#writeAt(fd, bytesOf(buffer, offset, length), position);
    });
  }

  #real(path: string): string {
    return join(this.#root, path);
  }

  /** A hole in the file would decrypt to noise where PostgreSQL expects zeros. */
  #fillGap(fd: number, position: number): void {
    const size = fs.fstatSync(fd).size - HEADER_LENGTH;
    if (position > size) this.#writeAt(fd, new Uint8Array(position - size), size);
  }

  #writeAt(fd: number, plain: Uint8Array, position: number): number {
    const sealed = this.#crypt(fd, plain, position);
    let written = 0;
    while (written < sealed.length) {
      written += fs.writeSync(
        fd,
        sealed,
        written,
        sealed.length - written,
        position + HEADER_LENGTH + written,
      );
    }
    return written;
  }

  /** CTR is its own inverse. */
  #crypt(fd: number, bytes: Uint8Array, position: number): Buffer {
    const counter = Buffer.alloc(BLOCK);
    const nonce = this.#nonces.get(fd);
    if (nonce === undefined) throw Object.assign(new Error('The file is not open.'), { code: 'EBADF' });
    nonce.copy(counter);
    counter.writeUInt32BE(Math.floor(position / BLOCK), NONCE_LENGTH);
    const cipher = createCipheriv('aes-256-ctr', this.#key, counter);
    cipher.update(Buffer.alloc(position % BLOCK));
    return cipher.update(bytes);
  }
}

function newHeader(): Buffer {
  return Buffer.concat([MAGIC, randomBytes(NONCE_LENGTH)]);
}

/** A process killed between making a file and writing its header leaves an empty file: it gets its header now. */
function readOrWriteHeader(fd: number): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  const count = fs.readSync(fd, header, 0, HEADER_LENGTH, 0);
  if (count === 0) {
    const made = newHeader();
    fs.writeSync(fd, made, 0, HEADER_LENGTH, 0);
    return made.subarray(MAGIC.length);
  }
  if (count < HEADER_LENGTH || !header.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw Object.assign(new Error('The file is not one of this encrypted storage.'), { code: 'EIO' });
  }
  return header.subarray(MAGIC.length);
}

/** PGlite hands over the WebAssembly heap, as a view to read into and as a bare buffer to write from. */
function bytesOf(buffer: Uint8Array | ArrayBuffer, offset: number, length: number): Uint8Array {
  return ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset + offset, length)
    : new Uint8Array(buffer, offset, length);
}

function plainStats(stats: fs.Stats): FsStats {
  return {
    dev: stats.dev,
    ino: stats.ino,
    mode: stats.mode,
    nlink: stats.nlink,
    uid: stats.uid,
    gid: stats.gid,
    rdev: stats.rdev,
    size: stats.isFile() ? Math.max(0, stats.size - HEADER_LENGTH) : stats.size,
    blksize: stats.blksize,
    blocks: stats.blocks,
    atime: stats.atimeMs,
    mtime: stats.mtimeMs,
    ctime: stats.ctimeMs,
  };
}

/** Emscripten wants WASI error numbers where Node gives names. */
function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code } = error as { code?: string | number };
    if (typeof code !== 'string') throw error;
    throw Object.assign(new Error((error as Error).message, { cause: error }), {
      code: ERRNO[code] ?? ERRNO['EIO'],
    });
  }
}
