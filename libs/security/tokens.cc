#include "libs/security/tokens.h"

#include <cstddef>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"

namespace fairlead::security {
namespace {

// 96 bits in base64. Fewer could be guessed.
constexpr size_t kMinToken = 16;

absl::StatusOr<std::string> ParseOwnToken(const std::string& path,
                                          absl::string_view text) {
  const absl::string_view token = absl::StripAsciiWhitespace(text);
  if (token.empty() || token.find_first_of(" \t\r\n") != token.npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("--token_file=", path, ": must hold one token, one word"));
  }
  return std::string(token);
}

}  // namespace

absl::StatusOr<TokenMap> ParseTokens(absl::string_view text) {
  TokenMap tokens;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.empty() || words[0].front() == '#') continue;
    const std::string where = absl::StrCat("line ", number, ": ");
    if (words.size() != 2) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, "must be TOKEN trainer/JOB"));
    }
    if (words[0].size() < kMinToken) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, "the token has fewer than ", kMinToken,
                       " characters; make one with `openssl rand -hex 32`"));
    }
    const absl::StatusOr<Identity> identity = ParseIdentity(words[1]);
    if (!identity.ok() || identity->role != Role::kTrainer) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, "\"", words[1],
                       "\": must be trainer/JOB; other roles need a "
                       "certificate"));
    }
    if (!tokens.try_emplace(words[0], *identity).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, "the token stands on an earlier line, too"));
    }
  }
  return tokens;
}

absl::StatusOr<std::unique_ptr<Tokens>> Tokens::Open(const std::string& path,
                                                     absl::Duration refresh,
                                                     const Clock& clock) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path));
  absl::StatusOr<TokenMap> parsed = ParseTokens(text);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--tokens=", path, ": ", std::string(parsed.status().message())));
  }
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<Tokens> tokens(new Tokens(path, refresh, clock));
  MutexLock lock(&tokens->mutex_);
  tokens->tokens_ = *std::move(parsed);
  return tokens;
}

Identity Tokens::Find(absl::string_view token) {
  MutexLock lock(&mutex_);
  if (const std::optional<std::string> text = file_.TakeChange()) {
    absl::StatusOr<TokenMap> parsed = ParseTokens(*text);
    if (parsed.ok()) {
      tokens_ = *std::move(parsed);
    } else {
      std::cerr << "--tokens=" << file_.path() << ": "
                << parsed.status().message()
                << "; the tokens before this change go on to count\n";
    }
  }
  const auto it = tokens_.find(token);
  return it == tokens_.end() ? Identity() : it->second;
}

absl::StatusOr<std::unique_ptr<OwnToken>> OwnToken::Open(
    const std::string& path, absl::Duration refresh, const Clock& clock) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path));
  FAIRLEAD_ASSIGN_OR_RETURN(std::string parsed, ParseOwnToken(path, text));
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<OwnToken> token(new OwnToken(path, refresh, clock));
  MutexLock lock(&token->mutex_);
  token->token_ = std::move(parsed);
  return token;
}

std::string OwnToken::Get() {
  MutexLock lock(&mutex_);
  if (const std::optional<std::string> text = file_.TakeChange()) {
    absl::StatusOr<std::string> parsed = ParseOwnToken(file_.path(), *text);
    if (parsed.ok()) token_ = *std::move(parsed);
  }
  return token_;
}

}  // namespace fairlead::security
