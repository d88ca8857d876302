import io.moquette.broker.Server;
import java.util.Properties;
import org.apache.log4j.BasicConfigurator;
import org.apache.log4j.Level;
import org.apache.log4j.Logger;

/** Moquette: java Moquette.java STATE PORT. */
public class Moquette {
  public static void main(String[] arguments) throws Exception {
    BasicConfigurator.configure();
    Logger.getRootLogger().setLevel(Level.WARN);
    Properties properties = new Properties();
    properties.setProperty("host", "127.0.0.1");
    properties.setProperty("port", arguments[1]);
    properties.setProperty("allow_anonymous", "true");
    properties.setProperty("data_path", arguments[0] + "/data");
    properties.setProperty("telemetry_enabled", "false");
    new Server().startServer(properties);
    Thread.currentThread().join();
  }
}
