package web

// showExchanges shows how far the lists have come that are fetched from exchanges.
func showExchanges(v *visit) error {
	all, err := v.s.options.Desks.Lists.Exchanges(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.show(exchangesPage(v.frame("exchanges.title", "/lists"), all))
}
