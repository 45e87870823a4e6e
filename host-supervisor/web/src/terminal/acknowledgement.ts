// When the VM is told how much of a program's output was shown: each time costs it an interrupt.

/** A part of the window that is small enough not to make the program wait (protocol/src/exec.rs: a MiB in all). */
export const TELL_EVERY_BYTES = 128 * 1024;

export class Acknowledgement {
  private told = 0;

  /** Whether it is to be told now. The last byte of what has come is told at once. */
  due(shown: number, come: number): boolean {
    if (shown < come && shown - this.told < TELL_EVERY_BYTES) return false;
    this.told = shown;
    return true;
  }
}
