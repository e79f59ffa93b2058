// Saving a file that was fetched, since a link can't carry an API key.

/** @param {{blob: Blob, name: string}} file */
export function saveFile({ blob, name }) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
