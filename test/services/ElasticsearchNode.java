import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.Build;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;

/**
 * Starts a node of Elasticsearch 8 or 9 in this process: its own main class wants parts of the distribution that are not
 * published as jars. The system properties es.path.home and es.path.conf say where its directories are.
 */
public final class ElasticsearchNode {
  public static void main(String[] args) throws Exception {
    LogConfigurator.configureESLogging();
    var home = Settings.builder().put("path.home", System.getProperty("es.path.home")).build();
    var config = Path.of(System.getProperty("es.path.conf"));
    var environment = InternalSettingsPreparer.prepareEnvironment(home, Map.of(), config, () -> "one");
    LogConfigurator.configure(environment, true);
    var modules = PluginsLoader.loadModulesBundles(environment.modulesDir());
    var plugins = PluginsLoader.loadPluginsBundles(environment.pluginsDir());
    // False: its jars lie on the class path, so there are no Java modules to open to one another.
    var node = new Node(environment, PluginsLoader.createPluginsLoader(modules, plugins, Map.of(), false));
    node.injector().getInstance(RestController.class).registerHandler(new Root(environment.settings()));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
    node.start();
    new CountDownLatch(1).await();
  }

  private static void close(Node node) {
    try {
      node.close();
    } catch (Exception problem) {
      problem.printStackTrace();
    }
  }

  /** The answer to "GET /", which is a module of its own there, and not published. */
  private record Root(Settings settings) implements RestHandler {
    @Override
    public List<Route> routes() {
      return List.of(new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
    }

    @Override
    public void handleRequest(RestRequest request, RestChannel channel, NodeClient client) {
      var answer = Strings.format(
          "{\"name\":\"%s\",\"cluster_name\":\"%s\",\"version\":{\"number\":\"%s\"},\"tagline\":\"%s\"}",
          settings.get("node.name"), settings.get("cluster.name"), Build.current().version(), "You Know, for Search");
      channel.sendResponse(new RestResponse(RestStatus.OK, "application/json", answer));
    }
  }
}
