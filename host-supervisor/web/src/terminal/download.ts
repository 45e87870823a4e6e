// A file of the VM, or a directory as a tar archive: the browser fetches it, writes it to the disk as it comes, shows how far it
// is and can stop it; the page has no part in that.

/** Where it is fetched. */
export function fileAddress(page: URL, vm: string, path: string): URL {
  const address = new URL(`/api/vms/${encodeURIComponent(vm)}/files`, page);
  address.searchParams.set("path", path);
  return address;
}

export function startDownload(address: URL, name: string): void {
  const link = document.createElement("a");
  link.href = address.href;
  link.download = name;
  link.click();
}
