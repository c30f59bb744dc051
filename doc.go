// Package brdo is the root of Brdo, a platform of open source against sexual
// abuse of children online: finding what is known, review by people, reports
// that arrive, and a log that anybody can check.
//
// The root holds no code. ARCHITECTURE.md says what lives where; the tests
// beside this file hold the rules of the house: which package may import which,
// who may open a transaction, and that everything exported is explained.
package brdo
