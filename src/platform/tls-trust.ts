/** Node then believes every certificate, of every connection of this process. Null: certificates are checked. */
export function whyTlsIsUnchecked(): string | null {
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return null;
  return 'NODE_TLS_REJECT_UNAUTHORIZED=0 switches the check of certificates off for the whole process. Unset it, and give `ca` where an authority of your own is to be trusted.';
}
