import { ApiFailure } from "@/api/failure";

/** What Supabase Auth refuses with (its `error_code`), said so that a person knows what to do. */
const WORDS: Record<string, readonly [message: string, suggestion: string]> = {
  invalid_credentials: ["The e-mail address and the password do not fit together.", "Check both, or have a link sent to you."],
  email_not_confirmed: ["This e-mail address is not confirmed yet.", "Open the link in the mail that you were sent, or have a new one sent."],
  otp_expired: ["This link has expired, or was used already.", "Have a new one sent and open it soon."],
  flow_state_not_found: ["This link was used already, or belongs to another browser.", "Open it in the browser that you asked for it with, or have a new one sent from here."],
  flow_state_expired: ["This link has expired.", "Have a new one sent and open it soon."],
  bad_code_verifier: ["This link was used already, or belongs to another browser.", "Open it in the browser that you asked for it with, or have a new one sent from here."],
  over_email_send_rate_limit: ["A mail was sent a moment ago.", "Look for it, also among what counts as spam; then wait a minute before the next."],
  over_request_rate_limit: ["That was too often in a short time.", "Wait a minute, then try again."],
  signup_disabled: ["Nobody with this e-mail address has an account here, and new ones are not taken.", "Ask whoever runs this server to invite you."],
  otp_disabled: ["Nobody with this e-mail address has an account here, and new ones are not taken.", "Ask whoever runs this server to invite you."],
  email_address_invalid: ["This is no e-mail address that mail can be sent to.", "Check how it is written."],
  validation_failed: ["This is no e-mail address that mail can be sent to.", "Check how it is written."],
  user_banned: ["This account is blocked.", "Ask whoever runs this server."],
};

interface AuthProblem {
  name?: string;
  code?: string | undefined;
  status?: number | undefined;
  message: string;
}

/** One of our failures for one of Supabase Auth's. */
export function asSignInFailure(problem: AuthProblem): ApiFailure {
  const code = problem.name === "AuthPKCECodeVerifierMissingError" ? "bad_code_verifier" : (problem.code ?? "");
  const known = WORDS[code];
  if (known) return new ApiFailure(code, known[0], known[1], problem.status ?? 400);
  if (!problem.status || problem.status >= 500) {
    return new ApiFailure(
      "sign_in_unreachable",
      "The sign-in service does not answer.",
      "Check that this device is online; then try again.",
      problem.status ?? 0,
    );
  }
  return new ApiFailure(code || "sign_in_refused", problem.message, "Try again, or ask whoever runs this server.", problem.status);
}

/** What a link from a mail says in its address where it did not work; null where it says nothing. */
export function refusalIn(address: URL): ApiFailure | null {
  const told = new URLSearchParams(address.hash.slice(1));
  const of = (name: string) => told.get(name) ?? address.searchParams.get(name);
  if (!of("error") && !of("error_code")) return null;
  const message = of("error_description") ?? "The link did not work.";
  return asSignInFailure({ code: of("error_code") ?? of("error") ?? "", status: 403, message });
}
