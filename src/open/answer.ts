/** What is read of a response: a file that is read from disk has no more than this. */
export interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): Reader } | null;
  arrayBuffer(): Promise<ArrayBuffer>;
}

interface Reader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(reason: unknown): Promise<void>;
}
