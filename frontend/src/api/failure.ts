/** What the API says when it refuses, and our own words where nobody answered. */
export class ApiFailure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly suggestion: string,
    readonly status: number,
    readonly details: Record<string, unknown> = {},
    readonly requestId: string | null = null,
  ) {
    super(message);
    this.name = "ApiFailure";
  }
}

interface ErrorBody {
  error: { code: string; message: string; suggestion?: string; details?: Record<string, unknown> };
}

function isErrorBody(body: unknown): body is ErrorBody {
  const error = (body as Partial<ErrorBody> | null)?.error;
  return typeof error === "object" && error !== null && typeof error.code === "string";
}

/** One shape for every failure: the API's own, a proxy's page, or a line that broke. */
export function asFailure(cause: unknown, response?: Response): ApiFailure {
  if (cause instanceof ApiFailure) return cause;
  const requestId = response?.headers.get("x-request-id") ?? null;
  if (isErrorBody(cause)) {
    const { code, message, suggestion = "", details = {} } = cause.error;
    return new ApiFailure(code, message, suggestion, response?.status ?? 0, details, requestId);
  }
  if (!response) {
    return new ApiFailure(
      "unreachable",
      "The server does not answer.",
      "Check that it runs and that this device is online; then try again.",
      0,
    );
  }
  return new ApiFailure(
    "unexpected_answer",
    `The server answered ${response.status} without saying why.`,
    "Try again. If it stays, look at the server's log.",
    response.status,
    {},
    requestId,
  );
}

/** Whether asking again may help: a broken line or a server that is busy, never a refusal. */
export function isPassing(failure: unknown): boolean {
  return failure instanceof ApiFailure && (failure.status === 0 || failure.status === 429 || failure.status >= 500);
}
