package mandate

// Resource is the kind of thing an action touches.
type Resource string

const (
	ResourceList     Resource = "HashList"
	ResourceItem     Resource = "Item"
	ResourceReport   Resource = "Report"
	ResourceEnvelope Resource = "Envelope"
	ResourceAccount  Resource = "Account"
	ResourceLog      Resource = "Log"
	ResourceNode     Resource = "Node"
	// ResourceOrder is an order that makes material inaccessible, or a voluntary
	// notice that asks for it, at whichever side.
	ResourceOrder Resource = "Order"
)

// Action is something an actor may be permitted to do. It names its legal
// operation once, so that no caller can log a disclosure as a consultation.
type Action struct {
	Name      string
	Operation Operation
	Resource  Resource
	// Content is true when pixels or text of an item are shown.
	Content bool
}

// The actions of a node. The policy of internal/access permits them; whatever
// it does not permit is denied.
var (
	ListCreate  = Action{"list.create", Collect, ResourceList, false}
	ListConsult = Action{"list.consult", Consult, ResourceList, false}
	ListImport  = Action{"list.import", Collect, ResourceList, false}
	ListExport  = Action{"list.export", Disclose, ResourceList, false}
	// ListEntryPropose says that an item which people decided about should become
	// an entry; ListEntryAdd makes it one, by another person.
	ListEntryPropose = Action{"list.entry.propose", Combine, ResourceList, false}
	ListEntryAdd     = Action{"list.entry.add", Collect, ResourceList, false}
	ListEntryChange  = Action{"list.entry.change", Alter, ResourceList, false}
	// ListEntrySuspend is what the node does with an entry when people opened the
	// decision that it rests on again.
	ListEntrySuspend = Action{"list.entry.suspend", Alter, ResourceList, false}
	// ListEntryQuarantine is what the node does with an entry that matches too much:
	// its hits wait until people have looked at it. The node also tells people again
	// when they did not.
	ListEntryQuarantine = Action{"list.entry.quarantine", Alter, ResourceList, false}

	// ListVote approves that an exchange is told what people here found of an entry, or
	// takes that back; ListVoteSend is what the node does with what a person approved.
	ListVote     = Action{"list.vote", Disclose, ResourceList, false}
	ListVoteSend = Action{"list.vote.send", Disclose, ResourceList, false}

	// ListCompare compares entries that are new to a list with the items that a node
	// holds already; ItemFoundAgain writes down that one of them matches.
	ListCompare    = Action{"list.compare", Combine, ResourceList, false}
	ItemFoundAgain = Action{"item.found-again", Alter, ResourceItem, false}

	DetectionSubmit = Action{"detection.submit", Collect, ResourceItem, false}
	// DetectionAsk asks an exchange about an upload that no list here knows.
	DetectionAsk = Action{"detection.ask", Disclose, ResourceItem, false}
	// DetectionStop ends detection at a source whose legal basis has ended.
	DetectionStop   = Action{"detection.stop", Alter, ResourceNode, false}
	SightingConsult = Action{"sighting.consult", Consult, ResourceItem, false}

	QueueConsult   = Action{"queue.consult", Consult, ResourceItem, false}
	ItemConsult    = Action{"item.consult", Consult, ResourceItem, false}
	ItemTake       = Action{"item.take", Alter, ResourceItem, false}
	ItemView       = Action{"item.view", Consult, ResourceItem, true}
	ExposureEnd    = Action{"exposure.end", Alter, ResourceItem, false}
	ItemDecide     = Action{"item.decide", Alter, ResourceItem, false}
	ItemSecondLook = Action{"item.second-look", Alter, ResourceItem, false}
	ItemAdjudicate = Action{"item.adjudicate", Alter, ResourceItem, false}
	ItemPass       = Action{"item.pass", Alter, ResourceItem, false}
	// ItemCompare asks which items that are held here show the same scene as one, and is
	// what the node does then. Content is false: nothing is shown by it.
	ItemCompare = Action{"item.compare", Combine, ResourceItem, false}
	// ItemAdmit brings what waited because of an entry in quarantine to people, when a
	// person lifted that.
	ItemAdmit = Action{"item.admit", Alter, ResourceItem, false}
	// ItemSeal makes a decision final when the time to take it back is over.
	ItemSeal  = Action{"item.seal", Alter, ResourceItem, false}
	ItemErase = Action{"item.erase", Erase, ResourceItem, false}
	// ItemForget takes away content that was sealed by a process that died before it
	// wrote what the content is for. Unlike erased content it may come again.
	ItemForget = Action{"item.forget", Erase, ResourceItem, false}
	// ItemReopen puts an item back to people who took no part so far.
	ItemReopen = Action{"item.reopen", Alter, ResourceItem, false}
	// ItemDisclose hands the media of an item to a peer that was sent a
	// reference to it and in whose house a person opened the case. Content is
	// false: nothing is shown here; the peer's own item.view shows it.
	ItemDisclose = Action{"item.disclose", Disclose, ResourceItem, false}
	WellbeingOwn = Action{"wellbeing.own", Consult, ResourceAccount, false}
	BreakSet     = Action{"break.set", Alter, ResourceAccount, false}
	KeysRemap    = Action{"keys.remap", Alter, ResourceAccount, false}

	ReportCompose = Action{"report.compose", Combine, ResourceReport, false}
	ReportConsult = Action{"report.consult", Consult, ResourceReport, false}
	ReportAmend   = Action{"report.amend", Alter, ResourceReport, false}
	ReportApprove = Action{"report.approve", Alter, ResourceReport, false}
	ReportSend    = Action{"report.send", Disclose, ResourceReport, false}
	// ReportTransmit is what the node does on the way of an approved report to NCMEC's
	// CyberTipline: it opens and sends its files, and notes what the service answers.
	ReportTransmit = Action{"report.transmit", Disclose, ResourceReport, false}
	// ReportRecall takes back a report that was delivered, or asks to erase it.
	ReportRecall = Action{"report.recall", Disclose, ResourceReport, false}
	// ReportErase erases the text of a report where it was sent to.
	ReportErase   = Action{"report.erase", Erase, ResourceReport, false}
	ReportReceive = Action{"report.receive", Collect, ResourceReport, false}
	ReportAssess  = Action{"report.assess", Alter, ResourceReport, false}
	// ReportRoute decides whom a report goes to, at the Centre.
	ReportRoute = Action{"report.route", Disclose, ResourceReport, false}
	// ReportAsk asks a reporter for what its report lacks, or withdraws that, at
	// the Centre, and through it at an authority; ReportAnswer answers it, at the
	// reporter.
	ReportAsk    = Action{"report.ask", Disclose, ResourceReport, false}
	ReportAnswer = Action{"report.answer", Disclose, ResourceReport, false}
	// ReportRate tells whoever reported, by a closed list, of what use and quality a
	// report was: at the Centre, and at an authority that claimed it.
	ReportRate = Action{"report.rate", Disclose, ResourceReport, false}
	// ReportClaim claims, declines or gives back a report, at an authority.
	ReportClaim = Action{"report.claim", Alter, ResourceReport, false}
	// ReportEscalate is what the node does when a clock of a report strikes: it
	// passes over who did not answer, asks Europol, and raises alarms.
	ReportEscalate = Action{"report.escalate", Alter, ResourceReport, false}
	// OutcomeRecord states what became of a report, where it was acted upon.
	OutcomeRecord  = Action{"outcome.record", Alter, ResourceReport, false}
	OutcomeConsult = Action{"outcome.consult", Consult, ResourceReport, false}
	// JourneyConsult follows a report through everything that this node did about
	// it and heard of it, with the orders that followed.
	JourneyConsult = Action{"journey.consult", Consult, ResourceReport, false}
	NoticeRecord   = Action{"notice.record", Alter, ResourceReport, false}
	NoticeHold     = Action{"notice.hold", Alter, ResourceReport, false}

	// OrderRequest asks, at an authority, that an order is issued.
	OrderRequest = Action{"order.request", Combine, ResourceOrder, false}
	OrderConsult = Action{"order.consult", Consult, ResourceOrder, false}
	// DeconflictionAsk asks others who act on the same matter whether the removal
	// would harm them, or records that there is nobody to ask; DeconflictionAnswer
	// answers such a question.
	DeconflictionAsk    = Action{"deconfliction.ask", Disclose, ResourceOrder, false}
	DeconflictionAnswer = Action{"deconfliction.answer", Disclose, ResourceOrder, false}
	// OrderIssue signs an order and sends it, refuses it, or extends its
	// non-disclosure: what the issuing authority decides.
	OrderIssue = Action{"order.issue", Disclose, ResourceOrder, false}
	// OrderFollow is what the authority does about an order that was sent: it
	// clarifies it, records what a court decided, or takes it back.
	OrderFollow = Action{"order.follow", Disclose, ResourceOrder, false}
	// OrderReceive takes an order in, at a provider.
	OrderReceive = Action{"order.receive", Collect, ResourceOrder, false}
	// OrderEvaluate decides, at a provider, that an order is executed.
	OrderEvaluate = Action{"order.evaluate", Alter, ResourceOrder, false}
	// OrderExecute records what the service did or undid.
	OrderExecute = Action{"order.execute", Alter, ResourceOrder, false}
	// OrderAnswer sends the authority the answer in the form of the law.
	OrderAnswer = Action{"order.answer", Disclose, ResourceOrder, false}
	// OrderInform records that the user was informed of an order.
	OrderInform = Action{"order.inform", Disclose, ResourceOrder, false}
	// OrderVerify records whether the material is gone.
	OrderVerify = Action{"order.verify", Alter, ResourceOrder, false}
	// OrderEscalate is what the node does when a clock of an order strikes: it
	// reminds and raises an alarm, and decides nothing.
	OrderEscalate = Action{"order.escalate", Alter, ResourceOrder, false}
	// HoldRecord records that a competent authority asked to wait with removing
	// material or with notices about it.
	HoldRecord  = Action{"hold.record", Alter, ResourceOrder, false}
	HoldConsult = Action{"hold.consult", Consult, ResourceOrder, false}

	// VoluntaryOpen opens a case of voluntary notices (COM(2022) 209 Articles 32
	// and 49), on a recorded ground.
	VoluntaryOpen    = Action{"voluntary.open", Combine, ResourceOrder, false}
	VoluntaryConsult = Action{"voluntary.consult", Consult, ResourceOrder, false}
	// VoluntarySend decides that a notice goes to an addressee.
	VoluntarySend = Action{"voluntary.send", Disclose, ResourceOrder, false}
	// VoluntaryFollow records what came of a notice, goes up the ladder, and ends
	// the case.
	VoluntaryFollow = Action{"voluntary.follow", Alter, ResourceOrder, false}
	// VoluntaryRecall takes back every notice of a case that was sent.
	VoluntaryRecall = Action{"voluntary.recall", Disclose, ResourceOrder, false}
	// VoluntaryVerify records whether the material is gone.
	VoluntaryVerify = Action{"voluntary.verify", Alter, ResourceOrder, false}
	// VoluntaryReceive takes a notice in, at a provider; VoluntaryConsider decides
	// there what is done about it, and answers.
	VoluntaryReceive  = Action{"voluntary.receive", Collect, ResourceOrder, false}
	VoluntaryConsider = Action{"voluntary.consider", Disclose, ResourceOrder, false}
	// VoluntaryEscalate is what the node does when a clock of a notice strikes: it
	// reminds and raises an alarm, and sends nothing.
	VoluntaryEscalate = Action{"voluntary.escalate", Alter, ResourceOrder, false}

	EnvelopeDeliver = Action{"envelope.deliver", Disclose, ResourceEnvelope, false}
	EnvelopeReceive = Action{"envelope.receive", Collect, ResourceEnvelope, false}
	EnvelopeConsult = Action{"envelope.consult", Consult, ResourceEnvelope, false}

	LogConsult = Action{"log.consult", Consult, ResourceLog, false}
	LogExport  = Action{"log.export", Disclose, ResourceLog, false}

	// StatisticsConsult counts figures for publication from the log; nothing in
	// them is about a person.
	StatisticsConsult = Action{"statistics.consult", Consult, ResourceLog, false}

	// StatisticsPublish publishes the figures of a year for everybody, for good.
	StatisticsPublish = Action{"statistics.publish", Disclose, ResourceLog, false}

	AccountConsult = Action{"account.consult", Consult, ResourceAccount, false}
	AccountInvite  = Action{"account.invite", Collect, ResourceAccount, false}
	AccountChange  = Action{"account.change", Alter, ResourceAccount, false}
	// AccountLogin is an attempt to log in that failed; a login that succeeds is
	// an act of the person on their own account.
	AccountLogin = Action{"account.login", Consult, ResourceAccount, false}
	AccountOwn   = Action{"account.own", Alter, ResourceAccount, false}
	KeyCreate    = Action{"key.create", Collect, ResourceAccount, false}
	KeyRevoke    = Action{"key.revoke", Alter, ResourceAccount, false}
	// AlarmConsult sees what needs a person's look, of those things that the person
	// may open; AlarmLook records that a person looked, and why that is enough.
	AlarmConsult = Action{"alarm.consult", Consult, ResourceNode, false}
	AlarmLook    = Action{"alarm.look", Alter, ResourceNode, false}
	PeerRegister = Action{"peer.register", Collect, ResourceNode, false}
	NodeConsult  = Action{"node.consult", Consult, ResourceNode, false}
)

// Actions lists every action, in the order of the policy.
var Actions = []Action{
	ListCreate, ListConsult, ListImport, ListExport, ListEntryPropose, ListEntryAdd, ListEntryChange, ListEntrySuspend, ListEntryQuarantine, ListVote, ListVoteSend, ListCompare,
	DetectionSubmit, DetectionAsk, DetectionStop, SightingConsult,
	QueueConsult, ItemConsult, ItemTake, ItemView, ExposureEnd, ItemDecide, ItemSecondLook,
	ItemAdjudicate, ItemPass, ItemCompare, ItemAdmit, ItemFoundAgain, ItemSeal, ItemReopen, ItemErase, ItemForget, ItemDisclose, WellbeingOwn, BreakSet, KeysRemap,
	ReportCompose, ReportConsult, ReportAmend, ReportApprove, ReportSend, ReportTransmit, ReportRecall, ReportErase, ReportReceive,
	ReportAssess, ReportRoute, ReportAsk, ReportAnswer, ReportRate, ReportClaim, ReportEscalate, OutcomeRecord, OutcomeConsult, JourneyConsult, NoticeRecord, NoticeHold,
	OrderRequest, OrderConsult, DeconflictionAsk, DeconflictionAnswer, OrderIssue, OrderFollow, OrderReceive,
	OrderEvaluate, OrderExecute, OrderAnswer, OrderInform, OrderVerify, OrderEscalate, HoldRecord, HoldConsult,
	VoluntaryOpen, VoluntaryConsult, VoluntarySend, VoluntaryFollow, VoluntaryRecall, VoluntaryVerify, VoluntaryReceive, VoluntaryConsider, VoluntaryEscalate,
	EnvelopeDeliver, EnvelopeReceive, EnvelopeConsult,
	LogConsult, LogExport, StatisticsConsult, StatisticsPublish,
	AccountConsult, AccountInvite, AccountChange, AccountLogin, AccountOwn, KeyCreate, KeyRevoke,
	AlarmConsult, AlarmLook, PeerRegister, NodeConsult,
}
