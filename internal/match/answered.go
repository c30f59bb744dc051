package match

// LookUp is what an exchange answered that was asked about a picture. It says neither what
// it compared nor how near that came, so the distance of such a match is 0 and means nothing.
const LookUp Kind = "look-up"

// asTheExchangeSays is the confidence of such a match.
const asTheExchangeSays = "as the exchange says"

// Answered is the match of what an exchange answered. What it calls the file that it knows
// stands in place of an entry.
func Answered(list List, entry, category, explanation string, exact bool) Match {
	m := Match{
		List: list.ID, ListName: list.Name, Entry: entry, Kind: LookUp, Confidence: asTheExchangeSays, Verification: list.Verification, Category: category,
		ListVersion: list.Version, Explanation: explanation,
	}
	if exact {
		m.Kind = SHA1 // by which Shield calls files the same
		m.Confidence = confidence(m.Kind, 0)
	}
	return m
}
