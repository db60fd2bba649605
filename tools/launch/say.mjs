/** What the launcher tells people goes to stderr: stdout belongs to the task. */
export function say(text) {
  process.stderr.write(`drover: ${text}\n`);
}

/** A reason to stop before the task starts, in words for the person who typed the command. */
export class CannotStart extends Error {
  /** @param {string} message @param {number} exitCode 69: something outside is not available; 65: what came is not what was asked for */
  constructor(message, exitCode = 69) {
    super(message);
    this.exitCode = exitCode;
  }
}
