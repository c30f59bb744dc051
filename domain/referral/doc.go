// Package referral holds the rules by which a report finds those who act on it,
// so that at every moment somebody is responsible for it, with a clock running.
//
// Two values keep what is known, each at one organisation: a [Matter] at the
// Centre, and a [Referral] at an authority that was asked. Neither sees the
// other; they learn of one another by messages, which may be late, repeated or
// lost for a while. The rule that keeps a report from falling between them is
// simple: whoever holds it lets go only after somebody else has said, durably,
// that they hold it. So for a time two may be responsible, and never nobody.
//
// Machines acknowledge, remind and escalate. That a report is unfounded, whom
// it goes to, and that an authority claims or declines it, are decisions of
// people.
//
// Source: Articles 36, 48 and 49 of COM(2022) 209; the clocks and weights are
// those of the profile law/routing.
package referral
