#include "integration_tests/harness/dashboard_queries.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"

namespace fairlead::testing {
namespace {

using Json = nlohmann::json;

// As Grafana has them when a dashboard is opened.
std::string SetVariables(std::string query, const Json& dashboard) {
  query = absl::StrReplaceAll(query, {{"$__rate_interval", "30s"}});
  for (const Json& variable : dashboard["templating"]["list"]) {
    const std::string name = variable["name"];
    const std::string value = variable["allValue"];
    query = absl::StrReplaceAll(query, {{"$" + name, value}});
  }
  return query;
}

absl::Status AddPanel(const std::string& where, const Json& panel,
                      const Json& dashboard, const std::string& data_source,
                      std::vector<DashboardQuery>& queries) {
  const Json targets = panel.value("targets", Json::array());
  const auto is_from_source = [&data_source](const Json& of) {
    return of.contains("datasource") && of["datasource"]["uid"] == data_source;
  };
  if (targets.empty() || !is_from_source(panel) ||
      !std::all_of(targets.begin(), targets.end(), is_from_source)) {
    return absl::InvalidArgumentError(absl::StrCat(
        where, ": needs targets, and the data source ", data_source));
  }
  for (const Json& target : targets) {
    queries.push_back({where, SetVariables(target.at("expr"), dashboard)});
  }
  return absl::OkStatus();
}

absl::Status AddDashboard(const std::string& file, const Json& dashboard,
                          const std::string& data_source,
                          std::vector<DashboardQuery>& queries) {
  if (dashboard.value("schemaVersion", 0) < 36 ||
      dashboard.value("title", "").empty() ||
      dashboard.value("panels", Json::array()).empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": needs a title, panels, and a schemaVersion from 36 on"));
  }
  std::set<int64_t> ids;
  for (const Json& panel : dashboard["panels"]) {
    const std::string where =
        absl::StrCat(file, ", ", panel.value("title", "a panel"));
    if (panel.value("title", "").empty() || panel.value("type", "").empty() ||
        !panel.contains("gridPos") ||
        !ids.insert(panel.value("id", int64_t{0})).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          where, ": needs a title, a type, a place, and an id of its own"));
    }
    FAIRLEAD_RETURN_IF_ERROR(
        AddPanel(where, panel, dashboard, data_source, queries));
  }
  return absl::OkStatus();
}

// What stands in <script type="application/json" id="`id`">.
absl::StatusOr<Json> JsonIn(const std::string& html, absl::string_view id) {
  const std::string start =
      absl::StrCat("<script type=\"application/json\" id=\"", id, "\">");
  const size_t begin = html.find(start);
  const size_t end = html.find("</script>", begin);
  const Json json = end == std::string::npos
                        ? Json(Json::value_t::discarded)
                        : Json::parse(html.substr(begin + start.size(),
                                                  end - begin - start.size()),
                                      nullptr, /*allow_exceptions=*/false);
  if (!json.is_discarded()) return json;
  return absl::InvalidArgumentError(
      absl::StrCat("the console page has no JSON in ", id));
}

}  // namespace

absl::StatusOr<std::vector<DashboardQuery>> GrafanaQueries(
    const std::string& folder, const std::string& data_source) {
  std::vector<DashboardQuery> queries;
  std::set<std::string> uids;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    std::ifstream text(entry.path());
    const Json dashboard = Json::parse(text, nullptr, false);
    if (!dashboard.is_object() ||
        !uids.insert(dashboard.value("uid", "")).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": is no JSON object with a uid of its own"));
    }
    FAIRLEAD_RETURN_IF_ERROR(
        AddDashboard(file, dashboard, data_source, queries));
  }
  return queries;
}

absl::StatusOr<std::vector<DashboardQuery>> ConsoleQueries(
    const std::string& html) {
  std::vector<DashboardQuery> queries;
  FAIRLEAD_ASSIGN_OR_RETURN(const Json tiles, JsonIn(html, "tile-queries"));
  for (const Json& tile : tiles) {
    const std::string where =
        absl::StrCat("console page, ", std::string(tile["title"]));
    queries.push_back({where, tile["expr"]});
    if (tile.contains("of")) queries.push_back({where, tile["of"]});
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const Json table, JsonIn(html, "channel-queries"));
  for (const auto& [column, query] : table.items()) {
    queries.push_back({absl::StrCat("console page, ", column), query});
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const Json panels, JsonIn(html, "panels"));
  for (const Json& panel : panels) {
    for (const Json& query : panel["queries"]) {
      queries.push_back(
          {absl::StrCat("console page, ", std::string(panel["title"])),
           query["expr"]});
    }
  }
  return queries;
}

std::set<std::string> MetricsOf(absl::string_view query,
                                const std::set<std::string>& known) {
  const auto is_of_name = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
           c == ':';
  };
  std::set<std::string> metrics;
  for (auto it = query.begin(); it != query.end();) {
    const auto start = std::find_if(it, query.end(), is_of_name);
    it = std::find_if_not(start, query.end(), is_of_name);
    std::string name(start, it);
    const bool is_ours = absl::StartsWith(name, "fairlead_") ||
                         absl::StartsWith(name, "process_") ||
                         absl::StrContains(name, ":");
    if (!is_ours) continue;
    for (const absl::string_view part : {"_bucket", "_sum", "_count"}) {
      absl::string_view histogram = name;
      if (absl::ConsumeSuffix(&histogram, part) &&
          known.count(std::string(histogram)) > 0) {
        name = std::string(histogram);
        break;
      }
    }
    metrics.insert(name);
  }
  return metrics;
}

std::set<std::string> MetricNamesIn(const std::string& header) {
  std::set<std::string> names;
  const std::string start = "inline constexpr MetricName k";
  for (size_t at = header.find(start); at != std::string::npos;
       at = header.find(start, at + 1)) {
    const size_t begin = header.find('"', at) + 1;
    names.insert(header.substr(begin, header.find('"', begin) - begin));
  }
  return names;
}

}  // namespace fairlead::testing
