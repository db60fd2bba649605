/** What an embedded database needs of the file system around its own file. Errors are those of the system, with its `code`. */
export interface DatabaseFiles {
  /** Makes an empty file that only its owner may read, if there is none. A file that exists is not opened. */
  createPrivate(path: string): void;
  /**
   * `write` fills a private file beside `path`; it is flushed to the disk and then takes the name: the old content or the new one,
   * never half. When `write` fails nothing is left behind and its error is thrown on.
   */
  replace(path: string, write: (temporary: string) => void): void;
  /** The same file under whatever name; false when either is missing. */
  isSame(a: string, b: string): boolean;
}
