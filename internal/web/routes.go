package web

import (
	"net/http"

	"github.com/brdoproject/brdo/domain/mandate"
)

// Routes lists every page and action.
func (s *Server) Routes() []Route {
	open := func(pattern string, handler func(http.ResponseWriter, *http.Request)) Route {
		return Route{Pattern: pattern, Open: true, open: handler}
	}
	in := func(pattern string, call func(*visit) error) Route { return Route{Pattern: pattern, call: call} }
	return []Route{
		open("GET /login", s.showLogin),
		open("POST /login", s.login),
		open("GET /login/{token}", s.showLink),
		open("POST /login/link", s.useLink),
		open("GET /login/directory", s.beginDirectory),
		open("GET /login/directory/back", s.finishDirectory),
		open("POST /login/passkey/begin", s.beginPasskeyLogin),
		open("POST /login/passkey/finish", s.finishPasskeyLogin),

		in("GET /{$}", home),
		in("POST /logout", logout),
		in("GET /account", showAccount),
		in("GET /account/codes.png", codesPicture),
		in("POST /account/codes", confirmCodes),
		in("POST /account/keys", saveKeys),
		in("POST /account/passkey/begin", beginPasskey),
		in("POST /account/passkey/finish", finishPasskey),

		in("GET /queue", showQueue),
		in("POST /queue/next", goOn),
		in("POST /items/{id}/take", takeItem),
		in("GET /items/{id}", showCard),
		in("POST /items/{id}/open", openItem),
		in("POST /items/{id}/view", viewItem),
		in("GET /pictures/{exposure...}", showPicture),
		in("POST /exposures/{exposure...}", endView),
		in("POST /items/{id}/scenes", askScenes),
		in("POST /items/{id}/scenes/{search}/show", viewScenes),
		in("POST /items/{id}/scenes/hide", hideScenes),
		in("POST /items/{id}/decide", decideItem),
		in("POST /items/{id}/pass", passItem),
		in("POST /items/{id}/escalate", escalateItem),
		in("POST /items/{id}/undo", undoItem),
		in("POST /items/{id}/reopen", reopenItem),
		in("POST /items/{id}/erase", eraseItem),
		in("GET /wellbeing", showWellbeing),
		in("POST /wellbeing/break", setBreak),

		in("GET /reports", showReports),
		in("POST /reports", composeReport),
		in("GET /reports/{id}", showReport),
		in("POST /reports/{id}/amend", amendReport),
		in("POST /reports/{id}/recipient", chooseReportRecipient),
		in("POST /reports/{id}/again", sendReportAgain),
		in("POST /reports/{id}/submit", submitReport),
		in("POST /reports/{id}/approve", approveReport),
		in("POST /reports/{id}/return", returnReport),
		in("POST /reports/{id}/withdraw", withdrawReport),
		in("GET /reports/{id}/information", showInformation),
		in("GET /reports/{id}/information/pdf", printInformation),
		in("POST /reports/{id}/information", prepareInformation),
		in("POST /reports/{id}/informed", recordInformed),
		in("POST /reports/{id}/nobody", recordNobody),
		in("POST /reports/{id}/recall", takeReportBack),
		in("POST /reports/{id}/questions/{question}/answer", answerReport),
		in("POST /reports/{id}/questions/{question}/approve", approveAnswer),
		in("POST /reports/{id}/questions/{question}/return", returnAnswer),
		in("GET /received", showReceived),
		in("GET /received/{id}", showReceivedReport),
		in("POST /received/{id}/found", foundReport),
		in("POST /received/{id}/unfounded", callUnfounded),
		in("POST /received/{id}/second", secondUnfounded),
		in("POST /received/{id}/route", routeReport),
		in("POST /received/{id}/questions", askReporter),
		in("POST /received/{id}/questions/{question}/withdraw", withdrawQuestion),
		in("POST /received/{id}/feedback", rateReport),
		in("POST /received/{id}/erase", eraseReceived),
		in("GET /referrals", showReferrals),
		in("GET /referrals/{id}", showReferral),
		in("POST /referrals/{id}/claim", claimReferral),
		in("POST /referrals/{id}/decline", declineReferral),
		in("POST /referrals/{id}/release", releaseReferral),
		in("POST /referrals/{id}/finish", finishReferral),
		in("POST /referrals/{id}/lead", preferLead),
		in("POST /referrals/{id}/hold", askToWait),
		in("POST /referrals/{id}/items", assessItem),
		in("POST /referrals/{id}/feedback", rateReferral),
		in("POST /referrals/{id}/erase", eraseReferral),
		in("POST /referrals/{id}/questions", askThrough),
		in("POST /referrals/{id}/questions/{question}/withdraw", withdrawAsked),

		in("GET /alarms", showAlarms),
		in("POST /alarms/{id}/looked", lookAtAlarm),

		in("GET /journey/{id}", showJourney),
		in("POST /journey/{id}/proofs", journeyProofs),
		in("GET /journey/{id}/receipts/{envelope}", journeyReceipt),

		in("GET /orders", showOrders),
		in("GET /orders/new", newOrder),
		in("POST /orders", requestOrder),
		in("GET /orders/{id}", showOrder),
		in("POST /orders/{id}/{step}", stepOrder),
		in("GET /orders/{id}/documents/{document}", showPaper),
		in("GET /orders/{id}/documents/{document}/pdf", printPaper),
		in("POST /questions/{id}/answer", answerQuestion),

		in("GET /notices", showNotices),
		in("GET /notices/new", newNotice),
		in("POST /notices", openNotice),
		in("GET /notices/{id}", showNotice),
		in("POST /notices/{id}/{step}", stepNotice),
		in("GET /notices/{id}/documents/{document}", showNoticePaper),
		in("GET /notices/{id}/documents/{document}/pdf", printNoticePaper),
		in("GET /holds", showHolds),
		in("POST /holds", recordHold),
		in("POST /holds/{id}/extend", extendHold),
		in("POST /holds/{id}/release", releaseHold),

		in("GET /lists", showLists),
		in("POST /lists", createList),
		in("GET /lists/exchanges", showExchanges),
		in("GET /lists/{id}", showList),
		{Pattern: "POST /lists/{id}/import", File: true, call: importList},
		in("POST /lists/{id}/radius", changeRadius),
		in("POST /lists/{id}/radius/confirm", confirmRadius),
		in("POST /lists/{id}/benign", askBenign),
		in("POST /lists/{id}/benign/confirm", confirmBenign),
		in("POST /lists/{id}/request", requestExport),
		in("POST /lists/{id}/export", exportList),
		in("POST /lists/{id}/state", listState),
		in("POST /lists/{id}/entries/{entry}/state", entryState),
		in("POST /lists/{id}/entries/{entry}/lift", liftQuarantine),
		in("POST /lists/{id}/entries/{entry}/object", objectEntry),
		in("POST /lists/{id}/objections/{objection}/answer", answerObjection),
		in("GET /lists/{id}/sharing", showSharing),
		in("POST /lists/{id}/subscriptions", subscribe),
		in("POST /lists/{id}/subscriptions/{subscription}/release", releaseSubscription),
		in("POST /lists/{id}/subscriptions/{subscription}/end", endSubscription),
		in("GET /lists/{id}/votes", showVotes),
		in("POST /lists/{id}/votes", approveVote),
		in("POST /lists/{id}/votes/{vote}/recall", recallVote),
		in("GET /lists/{id}/decided", showDecided),
		in("POST /lists/{id}/proposals", proposeEntry),
		in("POST /lists/{id}/proposals/{proposal}/confirm", confirmProposal),
		in("POST /lists/{id}/proposals/{proposal}/refuse", refuseProposal),

		in("GET /statistics", showStatistics),
		in("GET /statistics/{file}", statisticsFile),
		in("POST /statistics/publish", publishStatistics),
		in("GET /senders", showSenders),
		open("GET /open/figures", s.showPublished),
		open("GET /open/figures/{file}", s.publishedFile),
		in("GET /log", showLog),
		in("GET /log/events/{id...}", showEvent),
		in("POST /log/verify", verifyLog),

		in("GET /people", showPeople),
		in("POST /people", invitePerson),
		in("POST /people/{id}/link", newLink),
		in("POST /people/{id}/state", personState),
		in("GET /keys", showKeys),
		in("POST /keys", createKey),
		in("POST /keys/{id}/revoke", revokeKey),
		in("GET /peers", showPeers),
		in("POST /peers", registerPeer),
	}
}

// home is the first page that makes sense for a person.
func home(v *visit) error {
	links := v.s.links(v.person)
	if len(links) == 0 {
		return v.redirect("/account")
	}
	if v.actor.Has(mandate.Operator) {
		return v.redirect("/people")
	}
	return v.redirect(links[0].Path)
}
