package mandate

// EnvelopeKind says what an envelope between two organisations is about. Which
// kind of organisation may send which kind of envelope to which is a rule of
// the policy; a kind that is not in [EnvelopeKinds] is refused.
type EnvelopeKind string

const (
	// EnvelopeReport carries a report for which the receiver becomes responsible.
	EnvelopeReport EnvelopeKind = "report"
	// EnvelopeReceipt answers an envelope: received, accepted, rejected, closed.
	EnvelopeReceipt EnvelopeKind = "receipt"
	// EnvelopeClaim accepts or declines competence for a report.
	EnvelopeClaim EnvelopeKind = "claim"
	// EnvelopeOutcome says what became of a report.
	EnvelopeOutcome EnvelopeKind = "outcome"
	// EnvelopeQuestion asks for information that a report lacks.
	EnvelopeQuestion EnvelopeKind = "question"
	// EnvelopeAnswer answers a question.
	EnvelopeAnswer EnvelopeKind = "answer"
	// EnvelopeHold asks to wait with informing the user, or releases that hold.
	EnvelopeHold EnvelopeKind = "hold"
	// EnvelopeList carries a hash list or a change of one.
	EnvelopeList EnvelopeKind = "list"
	// EnvelopeFeedback says that a subscriber disagrees with an entry of a list, or
	// what became of that.
	EnvelopeFeedback EnvelopeKind = "feedback"
	// EnvelopeCorrection corrects what the sender sent before.
	EnvelopeCorrection EnvelopeKind = "correction"
	// EnvelopeRecall takes back what the sender sent before.
	EnvelopeRecall EnvelopeKind = "recall"
	// EnvelopeCoordination names those who act on one report to one another, and
	// carries whom they would have lead.
	EnvelopeCoordination EnvelopeKind = "coordination"
	// EnvelopeOrder carries an order, and what its authority has to say about it.
	EnvelopeOrder EnvelopeKind = "order"
	// EnvelopeOrderAnswer carries the addressee's answers to an order.
	EnvelopeOrderAnswer EnvelopeKind = "order-answer"
	// EnvelopeDeconfliction asks another authority whether a removal would harm
	// what it does, and carries its answer.
	EnvelopeDeconfliction EnvelopeKind = "deconfliction"
	// EnvelopeNotice carries a voluntary notice, EnvelopeNoticeAnswer what its
	// addressee did about it.
	EnvelopeNotice       EnvelopeKind = "notice"
	EnvelopeNoticeAnswer EnvelopeKind = "notice-answer"
	// EnvelopeErasure asks to erase what the sender sent before.
	EnvelopeErasure EnvelopeKind = "erasure"
)

// EnvelopeKinds lists every kind of envelope.
var EnvelopeKinds = []EnvelopeKind{
	EnvelopeReport, EnvelopeReceipt, EnvelopeClaim, EnvelopeOutcome, EnvelopeQuestion, EnvelopeAnswer,
	EnvelopeHold, EnvelopeList, EnvelopeCorrection, EnvelopeRecall, EnvelopeErasure, EnvelopeCoordination, EnvelopeFeedback,
	EnvelopeOrder, EnvelopeOrderAnswer, EnvelopeDeconfliction, EnvelopeNotice, EnvelopeNoticeAnswer,
}
