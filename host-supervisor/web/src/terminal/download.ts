// A file of the VM, or a directory as a tar archive: the browser fetches it, writes it to the disk as it comes, shows how far it
// is and can stop it; the page has no part in that.

export function startDownload(address: string, name: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}
