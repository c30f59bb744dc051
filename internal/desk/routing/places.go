package routing

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/nyaruka/phonenumbers"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
)

// Places knows which State a block of addresses is in.
type Places map[netip.Prefix]string

// maxPlaces is the largest table of addresses, in rows.
const maxPlaces = 5_000_000

// ReadPlaces reads a table of two columns, a block of addresses (CIDR) and a
// country (ISO 3166-1 alpha-2), without a header, as registries publish them.
//
// Errors: Invalid with the line.
func ReadPlaces(from io.Reader) (Places, error) {
	places := Places{}
	rows := csv.NewReader(from)
	rows.FieldsPerRecord, rows.ReuseRecord, rows.Comment = 2, true, '#'
	for line := 1; ; line++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return places, nil
		}
		const remedy = "write a block of addresses and a country, for example 192.0.2.0/24,SI"
		if err != nil {
			return nil, problem.InvalidField(fmt.Sprintf("line %d", line), "it has not two columns", remedy).Because(err)
		}
		block, err := netip.ParsePrefix(row[0])
		if err != nil || !referral.IsCountry(row[1]) {
			return nil, problem.InvalidField(fmt.Sprintf("line %d", line), "it is no block of addresses with a country", remedy).Because(err)
		}
		if len(places) >= maxPlaces {
			return nil, problem.InvalidField(fmt.Sprintf("line %d", line), fmt.Sprintf("there are more than %d rows", maxPlaces), "merge blocks")
		}
		places[block.Masked()] = row[1]
	}
}

// Of is the State of an address by the longest block that holds it; empty when
// none does.
func (p Places) Of(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	ip = ip.Unmap()
	for bits := ip.BitLen(); bits >= 0; bits-- {
		block, err := ip.Prefix(bits)
		if err != nil {
			return ""
		}
		if country, found := p[block]; found {
			return country
		}
	}
	return ""
}

// evidence is what in a report points to States: addresses and telephone
// numbers. Whose child it is, is no evidence.
func (p Places) evidence(r report.Report) []referral.Evidence {
	var all []referral.Evidence
	for i, event := range r.Form.Geo.IPEvents {
		if country := p.Of(event.IP); country != "" {
			all = append(all, referral.Evidence{Kind: "upload-ip", Country: country, Field: fmt.Sprintf("geo.ip_events[%d]", i)})
		}
	}
	for i, user := range r.Form.Users {
		for _, number := range append([]string{user.Phone}, user.Other.Phones...) {
			parsed, err := phonenumbers.Parse(number, "")
			if err != nil || !phonenumbers.IsValidNumber(parsed) {
				continue
			}
			if country := phonenumbers.GetRegionCodeForNumber(parsed); referral.IsCountry(country) {
				all = append(all, referral.Evidence{Kind: "phone-prefix", Country: country, Field: fmt.Sprintf("users[%d].phone", i)})
			}
		}
	}
	return all
}
